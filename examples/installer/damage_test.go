package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// One file of the cache is damaged. The other files still protect against every
// older release, and the next run repairs the cache.
func TestDamagedFiles(t *testing.T) {
	start := newest(t)
	names, err := filepath.Glob(filepath.Join(start.cache, "*.json"))
	require.NoError(t, err)
	require.Len(t, names, 7)
	for _, path := range names {
		name := filepath.Base(path)
		for damage, corrupt := range damages {
			t.Run(name+" "+damage, func(t *testing.T) {
				h := start.fork(t)
				h.damage(name, corrupt)
				h.mustFail("rollback", h.replay(1, h.mirrors)...)
				h.mustFail("rollback", h.replay(2, h.replays)...)
				code, _, stderr := runArgs(h.from(3)...)
				require.Equal(t, 0, code, stderr)
				if name != firstRoot { // which is not read, and not needed: the user trusts that root
					h.mustBeWhole()
				}
				h.mustEndWell()
				_, _, stderr = runArgs(h.from(3)...)
				require.Empty(t, stderr, "no warnings any more")
				require.Equal(t, start.stored(), h.stored())
			})
		}
	}
}

// Which rollback protection survives the loss of several files: what the
// documentation of package cachedir says.
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
				h.damage(name, damages["gone"])
			}
			if c.refused {
				h.mustFail("rollback", h.replay(2, h.replays)...)
			} else {
				code, _, stderr := runArgs(h.replay(2, h.replays)...)
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
	h.damage("2.root.json", damages["gone"])
	h.mustFail("root: "+verify.ErrRollback.Error(), h.replay(2, h.mirrors)...)

	h = start.fork(t)
	h.damage("root.json", damages["gone"])
	h.mustFail("timestamp: "+verify.ErrRollback.Error(), h.replay(2, h.mirrors)...)
}

// What is not a regular file is neither opened nor removed. The user has to
// look at it.
func TestNoFile(t *testing.T) {
	start := newest(t)
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json"} {
		t.Run(name, func(t *testing.T) {
			h := start.fork(t)
			path := filepath.Join(h.cache, name)
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
			h.mustFail("no trustworthy state", h.replay(1, h.replays)...)
			h.mustFail(name, h.from(3)...)
			require.NoError(t, os.Remove(path))
			h.mustEndWell()

			// A link is replaced. The file that it points to is not changed.
			elsewhere := filepath.Join(h.dir, "elsewhere")
			require.NoError(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink(elsewhere, path))
			h.mustEndWell()
			data, err := os.ReadFile(elsewhere)
			require.NoError(t, err)
			require.Equal(t, "mine", string(data))
		})
	}
}
