package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// A pattern that looks as if it kept names, and matches none of their target
// paths, would leave them to whom else is asked.
func TestPatternsThatMatchNothing(t *testing.T) {
	for _, c := range []struct {
		protocol protocol.Protocol
		pattern  string
		want     string
	}{
		{protocol.PyPI{}, "simple/acme-*/*", ""},
		{protocol.PyPI{}, "simple/acme/index.json", ""},
		{protocol.PyPI{}, "packages/Acme/*", ""},
		{protocol.PyPI{}, "simple/acme-*", "it matches no page"},
		{protocol.PyPI{}, "simple/acme-*/*/*", "it matches no page"},
		{protocol.PyPI{}, "simple/Acme_*/*", "since names are normalised: simple/acme-*/*"},
		{protocol.PyPI{}, "simple/acme.tool/*", "since names are normalised: simple/acme-tool/*"},
		{protocol.NPM{}, "@acme/*/*", ""},
		{protocol.NPM{}, "@acme/tool/-/*", ""},
		{protocol.NPM{}, "@acme/*", "it matches nothing of a scope"},
		{protocol.Go{}, "acme.example/*/@v/*", ""},
		{protocol.Go{}, "acme.example/tool/@latest", ""},
		{protocol.Go{}, "acme.example/*/*", ""},
		{protocol.Go{}, "acme.example/*", "it matches no file of a module"},
		{protocol.Go{}, "acme.example/tool", "it matches no file of a module"},
		{protocol.Go{}, "acme.example/Tool/@v/*", "a capital letter is escaped"},
		{protocol.Plain{}, "simple/Acme_*", ""},
	} {
		if err := protocol.CheckPattern(c.protocol, c.pattern); c.want == "" {
			require.NoError(t, err, c.pattern)
		} else {
			require.ErrorContains(t, err, c.want, c.pattern)
		}
	}
}
