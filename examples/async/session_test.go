package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func lieAbout(path string) reply {
	return func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if r.URL.Path != path {
			return false
		}
		_, _ = rw.Write(bytes.Replace(data, []byte(`"version": 2`), []byte(`"version": 3`), 1))
		return true
	}
}

// There is a root that only some mirrors tell of, or can be asked about.
func TestNextRoot(t *testing.T) {
	absent := reply(func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		return strings.HasSuffix(r.URL.Path, ".root.json") && status(http.StatusNotFound)(rw, r, nil)
	})
	failing := reply(func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		return strings.HasSuffix(r.URL.Path, ".root.json") && status(http.StatusBadGateway)(rw, r, nil)
	})
	for name, c := range map[string]struct {
		mirrors []reply
		root    string // the newest that is trusted then; "": the run fails, and says why
		because string
		blamed  bool
	}{
		"all tell of it":               {[]reply{nil, nil}, "2", "", false},
		"one tells of it":              {[]reply{absent, absent, nil}, "2", "", false},
		"one is down, one tells":       {[]reply{failing, nil, nil}, "", "newer root is undecided", false}, // of the one after
		"all say that there is none":   {[]reply{absent, absent}, "1", "", false},
		"one is down, one says none":   {[]reply{failing, absent}, "", "newer root is undecided", false},
		"one says none, one is down":   {[]reply{absent, failing}, "", "newer root is undecided", false},
		"all are down":                 {[]reply{failing, failing}, "", "502", false},
		"one lies, the other has none": {[]reply{lieAbout("/metadata/2.root.json"), absent}, "", "newer root is undecided", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 100)
			w.repo.Rotate("root", 1, w.repo.Key("next"))
			w.repo.PublishOnly("root")
			for i, m := range c.mirrors {
				w.mirror(string(rune('a'+i)), m)
			}
			more := []string{"--retries", "0"}
			if c.root == "" {
				stdout, _ := w.fail(c.because, more...)
				require.Empty(t, w.visible())
				require.Equal(t, c.blamed, strings.Contains(stdout, "a served a wrong 2.root.json: "), stdout)
				return
			}
			w.must(more...)
			want := map[string][]byte{"1": w.repo.TrustedRoot(), "2": w.repo.Metadata()["2.root.json"]}[c.root]
			root, err := os.ReadFile(filepath.Join(w.cache, "root.json"))
			require.NoError(t, err)
			require.Equal(t, string(want), string(root))
		})
	}
}

func TestLiarAboutMetadata(t *testing.T) {
	for _, path := range []string{"timestamp.json", "2.snapshot.json", "2.targets.json"} {
		w := newWorld(t, 3, 100)
		w.mirror("liar", lieAbout("/metadata/"+path))
		stdout, stderr := w.fail("no trustworthy state of the repository could be had:")
		require.Contains(t, stdout, "liar served a wrong "+path+": ")
		require.Equal(t, 1, strings.Count(stderr, "no trustworthy state"), "said once, not for each target")
		w.mirror("twin liar", lieAbout("/metadata/"+path)) // what is fetched together is spread over the mirrors
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
	stdout, _ := w.fail("longer than 16384 bytes")
	require.Contains(t, stdout, "endless served a wrong timestamp.json")
}

// 403 may mean that there is no such file, or that one may not see it: with a
// token, it is the second.
func TestForbiddenRoot(t *testing.T) {
	w := newWorld(t, 1, 100)
	w.mirror("m", func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		return strings.HasSuffix(r.URL.Path, ".root.json") && status(http.StatusForbidden)(rw, r, nil)
	})
	w.fail("undecided", "--token", "secret")
	w.must()
}

// What is in the cache is not asked for again, and what is in place is not
// downloaded again.
func TestSecondRun(t *testing.T) {
	w := newWorld(t, 5, 100)
	w.mirror("m", nil)
	w.must()
	w.since()
	require.Equal(t, 5, strings.Count(w.must(), "was there already, and is verified"))
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

// Nothing that the session says may be used when it cannot be saved.
func TestSaveFails(t *testing.T) {
	w := newWorld(t, 3, 100)
	w.mirror("m", nil)
	require.NoError(t, os.MkdirAll(filepath.Join(w.cache, "timestamp.json"), 0o700)) // no file can be renamed to this
	_, stderr := w.fail("a trusted file could not be saved")
	require.NotContains(t, stderr, "is not downloaded")
	require.Empty(t, w.visible())
}
