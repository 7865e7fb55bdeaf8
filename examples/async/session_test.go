package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// There is a new root, which only some mirrors have or can be asked about.
func TestNextRoot(t *testing.T) {
	absent := reply(func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		return strings.HasSuffix(r.URL.Path, ".root.json") && status(http.StatusNotFound)(rw, r, nil)
	})
	failing := reply(func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		return strings.HasSuffix(r.URL.Path, ".root.json") && status(http.StatusBadGateway)(rw, r, nil)
	})
	lying := lieAbout("/metadata/2.root.json")
	const unconfirmed = "not confirmed by every source that there is no newer root: "
	for name, c := range map[string]struct {
		mirrors []reply
		root    string // the newest trusted root; "": the run fails
		reports string // a warning, or why the run fails
		blamed  bool
	}{
		"all have it":                {[]reply{nil, nil}, "2", "", false},
		"one has it":                 {[]reply{absent, absent, nil}, "2", "", false},
		"one is down, two have it":   {[]reply{failing, nil, nil}, "2", unconfirmed, false}, // that there is no third
		"all say that there is none": {[]reply{absent, absent}, "1", "", false},
		"one is down, one says none": {[]reply{failing, absent}, "1", unconfirmed, false},
		"one says none, one is down": {[]reply{absent, failing}, "1", unconfirmed, false},
		"all are down":               {[]reply{failing, failing}, "", "502", false},
		"one lies, one says none":    {[]reply{lying, absent}, "1", unconfirmed, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 100)
			w.repo.Rotate("root", 1, w.repo.Key("next"))
			w.repo.PublishOnly("root")
			for i, m := range c.mirrors {
				w.mirror(string(rune('a'+i)), m)
			}
			more := []string{"--retries", "0"}
			code, stdout, stderr := runArgs(w.args(more...)...)
			require.Contains(t, stderr, c.reports)
			require.Equal(t, c.reports != "", strings.Contains(stderr, ": "), stderr)
			require.Equal(t, c.blamed, strings.Contains(stdout, "a served a wrong 2.root.json: "), stdout)
			if c.root == "" {
				require.Equal(t, 1, code)
				require.Empty(t, w.visible())
				return
			}
			require.Equal(t, 0, code, stderr)
			w.mustBeRight()
			root, err := os.ReadFile(filepath.Join(w.cache, "root.json"))
			require.NoError(t, err)
			require.Equal(t, string(w.repo.Metadata()[c.root+".root.json"]), string(root))
		})
	}
}

func TestLiarAboutMetadata(t *testing.T) {
	for _, path := range []string{"timestamp.json", "2.snapshot.json", "2.targets.json"} {
		w := newWorld(t, 3, 100)
		w.mirror("liar", lieAbout("/metadata/"+path))
		stdout, stderr := w.fail("no trustworthy state of the repository is available:")
		require.Contains(t, stdout, "liar served a wrong "+path+": ")
		require.Equal(t, 1, strings.Count(stderr, "no trustworthy state"), "once, not for each target")
		w.mirror("twin liar", lieAbout("/metadata/"+path)) // files that are fetched together are spread over the mirrors
		w.mirror("good", nil)
		stdout = w.must()
		require.Contains(t, stdout, "liar served a wrong "+path+": ")
		require.NotContains(t, stdout, "good served")
	}

	w := newWorld(t, 1, 100)
	w.mirror("endless", func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		for r.URL.Path == "/metadata/timestamp.json" {
			if _, err := rw.Write(make([]byte, 10_000)); err != nil {
				return true
			}
		}
		return false
	})
	stdout, _ := w.fail("longer than 32768 bytes")
	require.Contains(t, stdout, "endless served a wrong timestamp.json")
}

// 403 may mean that there is no such file, or that access is denied. With a
// token, it means the second.
func TestForbiddenRoot(t *testing.T) {
	w := newWorld(t, 1, 100)
	w.mirror("m", func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		return strings.HasSuffix(r.URL.Path, ".root.json") && status(http.StatusForbidden)(rw, r, nil)
	})
	w.fail("2.root.json could not be fetched: m: the token is refused: ", "--token", "secret")
	w.must()
}

// Files in the cache are not fetched again, and targets in place are not
// downloaded again.
func TestSecondRun(t *testing.T) {
	w := newWorld(t, 5, 100)
	w.mirror("m", nil)
	w.must()
	w.since()
	require.Equal(t, 5, strings.Count(w.must(), "already there, and verified"))
	require.Len(t, w.asked, 2, "the next root and the timestamp")

	code, stdout, stderr := runArgs(w.args("--quiet")...)
	require.Equal(t, 0, code)
	require.Empty(t, stdout+stderr)
}

func TestOneMissingTargetDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t, 3, 100)
	w.mirror("m", nil)
	_, stderr := w.fail("files/unknown is not downloaded:\n  ", "files/unknown")
	require.Contains(t, stderr, "targets -> bin-")
	require.Len(t, w.visible(), 3)
}

// When a file cannot be saved, nothing may be used.
func TestSaveFails(t *testing.T) {
	w := newWorld(t, 3, 100)
	w.mirror("m", nil)
	require.NoError(t, os.MkdirAll(filepath.Join(w.cache, "timestamp.json"), 0o700)) // no file can replace a directory
	_, stderr := w.fail(verify.ErrSave.Error())
	require.NotContains(t, stderr, "is not downloaded")
	require.Empty(t, w.visible())
}

// While the program waits for the timestamp, another process downloads a newer
// release. The program begins again from what that process has stored.
func TestOvertaken(t *testing.T) {
	w := newWorld(t, 3, 100)
	old := w.repo.Metadata().Clone()
	w.repo.Publish()
	var published atomic.Bool
	w.mirror("m", func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		name, isMetadata := strings.CutPrefix(r.URL.EscapedPath(), "/metadata/")
		data, ok := old[name]
		if published.Load() || !isMetadata || !ok {
			return false
		}
		if name == "timestamp.json" {
			published.Store(true)
			code, _, stderr := runArgs(w.args("--dest", filepath.Join(w.dir, "other"))...)
			if code != 0 {
				t.Error(stderr)
			}
		}
		_, _ = rw.Write(data)
		return true
	})
	w.must()
	timestamps := 0
	for _, r := range w.asked {
		if r.URL.Path == "/metadata/timestamp.json" {
			timestamps++
		}
	}
	require.Equal(t, 3, timestamps, "two of them are this program's")
	timestamp, err := os.ReadFile(filepath.Join(w.cache, "timestamp.json"))
	require.NoError(t, err)
	require.Equal(t, string(w.repo.Metadata()["timestamp.json"]), string(timestamp))
}
