package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// damages are what may have become of a saved file; nil: it is not there.
var damages = map[string]func(h *history, name string, data []byte) []byte{
	"gone":      func(*history, string, []byte) []byte { return nil },
	"empty":     func(*history, string, []byte) []byte { return []byte{} },
	"truncated": func(_ *history, _ string, data []byte) []byte { return data[:len(data)/2] },
	"a bit flipped": func(_ *history, _ string, data []byte) []byte {
		data = bytes.Clone(data)
		data[len(data)/3] ^= 4
		return data
	},
	"zeros": func(_ *history, _ string, data []byte) []byte { return make([]byte, len(data)) },
	"longer": func(_ *history, _ string, data []byte) []byte {
		return append(bytes.Clone(data), bytes.Repeat([]byte("{"), 9<<20)...)
	},
	"swapped": func(h *history, name string, _ []byte) []byte {
		other := "snapshot.json"
		if name == other {
			other = "timestamp.json"
		}
		data, err := os.ReadFile(filepath.Join(h.cache, other))
		require.NoError(h.t, err)
		return data
	},
	"foreign": func(_ *history, name string, _ []byte) []byte {
		r := verifytest.New(verifytest.Options{Seed: "stranger"})
		if data, ok := r.Metadata()[name]; ok {
			return data
		}
		return r.Metadata()["1."+strings.TrimPrefix(name, "2.")]
	},
}

// newest returns a user who has release 3, and with it two roots, a timestamp,
// a snapshot and two targets roles in the cache.
func newest(t *testing.T) *history {
	h := newHistory(t)
	code, _, stderr := runArgs(h.from(3)...)
	require.Equal(t, 0, code, stderr)
	return h
}

// replay is a command line for a mirror that shows an old release.
func (h *history) replay(release int, mirrors [4]string) []string {
	h.metadata = mirrors[release]
	return h.world.args("app.bin", chisel)
}

// One file of the cache is damaged, in any way: what the others say still keeps
// every older release out, and the next run mends the cache.
func TestDamagedFiles(t *testing.T) {
	start := newest(t)
	names, err := filepath.Glob(filepath.Join(start.cache, "*.json"))
	require.NoError(t, err)
	require.Len(t, names, 6)
	for _, path := range names {
		name := filepath.Base(path)
		for damage, spoil := range damages {
			t.Run(name+" "+damage, func(t *testing.T) {
				h := start.fork(t)
				h.damage(name, spoil)
				h.mustFail("rollback", h.replay(1, h.mirrors)...)
				h.mustFail("rollback", h.replay(2, h.replays)...)
				code, _, stderr := runArgs(h.from(3)...)
				require.Equal(t, 0, code, stderr)
				h.mustBeWhole()
				h.mustEndWell()
				_, _, stderr = runArgs(h.from(3)...)
				require.Empty(t, stderr, "nothing is to be warned of any more")
				require.Equal(t, start.floors(), h.floors())
			})
		}
	}
}

func (h *history) damage(name string, spoil func(*history, string, []byte) []byte) {
	path := filepath.Join(h.cache, name)
	data, err := os.ReadFile(path)
	require.NoError(h.t, err)
	if data = spoil(h, name, data); data == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, data, 0o600)
	}
	require.NoError(h.t, err)
}

// Which protection against rollback survives when several files are lost: as
// the documentation of package cachedir says.
func TestWhatProtectionSurvives(t *testing.T) {
	start := newest(t)
	for _, c := range []struct {
		lost    []string
		refused bool // a mirror that shows all roots, and otherwise the last release
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
				require.Contains(t, stderr, "warning: timestamp: stored file is not used")
				require.Contains(t, stderr, "warning: snapshot: stored file is not used")
			}
		})
	}
}

// Nobody can hide a root that was seen: either file alone speaks for it.
func TestRootsCannotBeHidden(t *testing.T) {
	start := newest(t)
	for lost, because := range map[string]string{"2.root.json": "rollback: stored file root.json has version 2", "root.json": "rollback: version 5"} {
		h := start.fork(t)
		h.damage(lost, damages["gone"])
		h.mustFail(because, h.replay(2, h.mirrors)...)
	}
}

// What is no file is neither opened nor removed. It is the user's to look at.
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

			// A link is replaced; what it points to is not written to.
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
