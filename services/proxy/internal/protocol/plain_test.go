package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

func TestPlain(t *testing.T) {
	for _, c := range []struct{ path, target, contentType, err string }{
		{path: "a/b.json", target: "a/b.json", contentType: "application/json"},
		{path: "a%2Fb%20c", target: "a/b c", contentType: "application/octet-stream"},
		{path: "", err: "the path of a file is missing"},
		{path: "a/", err: "the path of a file is missing"},
		{path: "a%zz", err: "the path is not percent-encoded"},
	} {
		t.Run(c.path, func(t *testing.T) {
			plan, err := protocol.Plain{}.Plan(protocol.Request{Path: c.path})
			if c.err != "" {
				require.ErrorAs(t, err, new(*protocol.RequestError))
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{c.target}, plan.Targets)
			require.Equal(t, c.contentType, plan.ContentType)
		})
	}
	require.Equal(t, "Forbidden: wrong bytes\n", string(protocol.Plain{}.Refusal(403, "wrong bytes").Body))
}
