package message_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/embed/message"
)

func number(n float64) string { return strconv.FormatInt(int64(n), 10) }

// between are the bytes between two messages of an input.
var between = []byte("\n\x00\n")

// FuzzCall sends any messages to a host in which a session is open. Each has an
// answer with one line of JSON, none is an internal error, and the session is
// not disturbed unless a message names it (as 1).
func FuzzCall(f *testing.F) {
	repo := world()
	c := newClient(f, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	c.ok(object{"call": "find", "path": "dev/app.txt"})
	c.run()
	for _, m := range []object{
		{"call": "target", "lookup": 1, "trail": true}, {"call": "verifier", "lookup": 1},
		{"call": "write", "verifier": 2}, {"call": "verify", "verifier": 2}, {"call": "status"}, {"call": "copy"},
		{"call": "list", "at_once": 4}, {"call": "listed", "list": 3},
		{"call": "outstanding"}, {"call": "wanted", "id": "1"}, {"call": "save"}, {"call": "abandon"},
		{"call": "renew", "time": repo.Now()}, {"call": "drop", "lookup": 1}, {"call": "close"}, {"call": "versions"},
	} {
		_, _ = c.send(m)
	}
	f.Add(bytes.Join(c.log, between))
	for i := range c.log {
		f.Add(bytes.Join(c.log[i:], between))
	}
	f.Add([]byte(`{"v":2}`))

	root := repo.TrustedRoot()
	open := []byte(`{"v":1,"call":"open","time":"2030-01-02T00:00:00Z","trusted_root":` + strconv.Itoa(len(root)) + "}\n")
	f.Fuzz(func(t *testing.T, input []byte) {
		var h message.Host
		read(t, h.Call(append(bytes.Clone(open), root...)))
		own := false
		for part := range bytes.SplitSeq(input, between) {
			before := bytes.Clone(part)
			a, _ := read(t, h.Call(part))
			require.Equal(t, before, part, "the message is the caller's")
			if e, ok := a["error"].(object); ok {
				require.NotContains(t, e, "internal", "%v", e["text"])
				require.NotEmpty(t, e["kind"])
			}
			own = own || bytes.Contains(bytes.ToLower(part), []byte(`session`)) || bytes.Contains(part, []byte(`\`))
		}
		if !own {
			a, _ := read(t, h.Call([]byte(`{"v":1,"call":"status","session":1}`)))
			require.Equal(t, "in progress", a["status"].(object)["state"])
		}
	})
}
