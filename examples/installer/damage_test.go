package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// Which rollback protection survives the loss of several files: those that
// are left still protect. Package client has the tests of single damaged files.
func TestWhatProtectionSurvives(t *testing.T) {
	start := newest(t)
	for _, c := range []struct {
		lost    []string
		refused bool // a mirror that shows all roots, and release 2 otherwise
	}{
		{nil, true},
		{[]string{"root.json", "2.root.json", "targets.json", "role.team.json"}, true},
		{[]string{"timestamp.json"}, true},
		{[]string{"snapshot.json"}, true},
		{[]string{"root.json", "2.root.json", "snapshot.json"}, true},
		{[]string{"root.json", "2.root.json", "timestamp.json"}, true},
		{[]string{"timestamp.json", "snapshot.json"}, false},
	} {
		t.Run(strings.Join(c.lost, " "), func(t *testing.T) {
			h := start.fork(t)
			for _, name := range c.lost {
				h.lose(name)
			}
			if c.refused {
				h.mustFail("rollback", h.fromMirror(h.replay)...)
			} else {
				code, _, stderr := runArgs(h.fromMirror(h.replay)...)
				require.Equal(t, 0, code, stderr)
				require.Contains(t, stderr, "warning: timestamp: "+verify.ErrStoredFile.Error())
				require.Contains(t, stderr, "warning: snapshot: "+verify.ErrStoredFile.Error())
			}
		})
	}
}

// No mirror can hide a root that is stored. Each of the two files is enough.
func TestRootsCannotBeHidden(t *testing.T) {
	start := newest(t)
	h := start.fork(t)
	h.lose("2.root.json")
	h.mustFail("root: "+verify.ErrRollback.Error(), h.from(2)...)

	h = start.fork(t)
	h.lose("root.json")
	h.mustFail("timestamp: "+verify.ErrRollback.Error(), h.from(2)...)
}
