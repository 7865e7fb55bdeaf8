package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// There is a new root, which only some mirrors have or say something about.
func TestNextRoot(t *testing.T) {
	for name, c := range map[string]struct {
		mirrors []reply
		root    string // the newest trusted root; "": the run fails
		reports string // a warning, or why the run fails
	}{
		"all have it":                {[]reply{nil, nil}, "2", ""},
		"one has it":                 {[]reply{forRoots(404), forRoots(404), nil}, "2", ""},
		"all say that there is none": {[]reply{forRoots(404), forRoots(404)}, "1", ""},
		"one is closed":              {[]reply{forRoots(401), forRoots(404)}, "1", verify.ErrUnconfirmed.Error()},
		"all are closed":             {[]reply{forRoots(401), forRoots(401)}, "", "HTTP status 401"},
		"one lies, one says none":    {[]reply{lieAbout("/metadata/2.root.json"), forRoots(404)}, "1", "warning: 2.root.j"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 100)
			w.repo.Rotate("root", 1, w.repo.Key("next"))
			w.repo.PublishOnly("root")
			for i, m := range c.mirrors {
				w.mirror(string(rune('a'+i)), m)
			}
			code, _, stderr := runArgs(w.args()...)
			require.Contains(t, stderr, c.reports)
			require.Equal(t, c.reports == "", stderr == "", stderr)
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

// A mirror that sends wrong metadata is named, and the next one is asked. So it
// is for the delegated roles, whose bodies the session judges only when their
// turn comes: 2.bin-0.json is fetched ahead.
func TestLiarAboutMetadata(t *testing.T) {
	for _, path := range []string{"timestamp.json", "2.snapshot.json", "2.targets.json"} {
		w := newWorld(t, 3, 100)
		w.mirror("liar", lieAbout("/metadata/"+path))
		_, stderr := w.fail("no trustworthy state of the repository is available:")
		require.Regexp(t, `warning: `+path+`: 127.0.0.1:\d+/liar/metadata: `, stderr)
		require.Equal(t, 1, strings.Count(stderr, "no trustworthy state"), "once, not for each target")
		w.mirror("good", nil)
		_, stderr = w.must()
		require.Contains(t, stderr, "/liar/metadata: ")
		require.NotContains(t, stderr, "/good/")
	}
}

// The session holds back the answer to a request ahead, and may reject it
// later: Batch.Rejected says so, and the mirror that sent it is named.
func TestLiarAboutWhatIsFetchedAhead(t *testing.T) {
	w := newWorld(t, 40, 100)
	var lies atomic.Int32
	w.mirror("liar", func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if !strings.Contains(r.URL.Path, "bin-") {
			return false
		}
		lies.Add(1)
		_, _ = rw.Write(bytes.Replace(data, []byte(`"version": `), []byte(`"version": 7`), 1))
		return true
	})
	w.mirror("good", nil)
	_, stderr := w.must()
	require.NotZero(t, lies.Load())
	require.EqualValues(t, lies.Load(), strings.Count(stderr, "/liar/metadata: "), stderr)
}

// Packed bodies are offered as they were sent, and then unpacked.
func TestPackedMetadata(t *testing.T) {
	w := newWorld(t, 2, 100)
	w.mirror("m", func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if data == nil || !strings.HasPrefix(r.URL.Path, "/metadata/") {
			return false
		}
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = rw.Write(gzipped(data))
		return true
	})
	_, stderr := w.must()
	require.Empty(t, stderr)
}

// A mirror that sends a wrong target is named, although the next one has the
// right bytes.
func TestLiarAboutTargets(t *testing.T) {
	w := newWorld(t, 1, 100)
	w.mirror("liar", func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if strings.HasPrefix(r.URL.Path, "/targets/") {
			_, _ = rw.Write(bytes.ToUpper(data))
			return true
		}
		return false
	})
	w.fail("files/00.bin could not be downloaded")
	w.mirror("good", nil)
	_, stderr := w.must()
	require.Regexp(t, `warning: files/00.bin: 127.0.0.1:\d+/liar/targets: .*hash mismatch`, stderr)
}

// Files in the cache are not fetched again, and targets in place are not
// downloaded again.
func TestSecondRun(t *testing.T) {
	w := newWorld(t, 5, 100)
	w.mirror("m", nil)
	w.must()
	w.asked = nil
	stdout, _ := w.must()
	require.Equal(t, 5, strings.Count(stdout, "already there, and verified"))
	require.Len(t, w.asked, 2, "the next root and the timestamp")
}

func TestOneMissingTargetDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t, 3, 100)
	w.mirror("m", nil)
	w.fail("files/unknown is not downloaded:\n  \"files/unknown\": no such target", "files/unknown")
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
			other := filepath.Join(w.dir, "other")
			if err := os.Mkdir(other, 0o700); err != nil {
				t.Error(err)
			}
			if code, _, stderr := runArgs(w.args("--dest", other)...); code != 0 {
				t.Error(stderr)
			}
		}
		_, _ = rw.Write(data)
		return true
	})
	w.must()
	timestamps := slices.DeleteFunc(w.asked, func(r *http.Request) bool {
		return r.URL.Path != "/metadata/timestamp.json"
	})
	require.Len(t, timestamps, 3, "two of them are this program's")
	timestamp, err := os.ReadFile(filepath.Join(w.cache, "timestamp.json"))
	require.NoError(t, err)
	require.Equal(t, string(w.repo.Metadata()["timestamp.json"]), string(timestamp))
}

// Many targets are found at once. No more files than allowed are fetched at a
// time, and so many are.
func TestParallel(t *testing.T) {
	const parallel = 3
	w := newWorld(t, 12, 100)
	var mu sync.Mutex
	open, most := 0, 0
	reached := make(chan struct{})
	w.mirror("m", func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		if !strings.HasPrefix(r.URL.Path, "/targets/") {
			return false
		}
		mu.Lock()
		open++
		most = max(most, open)
		if most == parallel && open == parallel {
			select {
			case <-reached:
			default:
				close(reached)
			}
		}
		mu.Unlock()
		<-reached // the first ones wait for each other
		mu.Lock()
		open--
		mu.Unlock()
		return false
	})
	w.must("--parallel", "3")
	require.Equal(t, parallel, most)
}

func TestInterrupt(t *testing.T) {
	w := newWorld(t, 1, 200_000)
	ctx, cancel := context.WithCancel(context.Background())
	w.mirror("m", func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if ctx.Err() != nil || !strings.HasPrefix(r.URL.Path, "/targets/") {
			return false
		}
		_, _ = rw.Write(data[:len(data)/2])
		_ = http.NewResponseController(rw).Flush()
		cancel()
		<-r.Context().Done()
		return true
	})
	var stdout, stderr bytes.Buffer
	require.Equal(t, 130, run(ctx, w.args(), &stdout, &stderr))
	require.Contains(t, stderr.String(), "interrupted")
	require.Empty(t, w.visible())
	w.must()
}

func TestWrongUsage(t *testing.T) {
	w := newWorld(t, 1, 100)
	w.mirror("m", nil)
	for _, c := range []struct {
		args    []string
		because string
	}{
		{[]string{"app.bin"}, "missing flags"},
		{w.args("--colour"), "unknown flag --colour"},
		{w.args("-at", "yesterday"), "yesterday"},
		{w.args("--targets-url", "ftp://host"), "is not a URL with http or https and a host"},
		{w.args("FILES/00.bin"), "would be in the place of"},
		{w.args("../x"), "plain relative path"},
	} {
		code, stdout, stderr := runArgs(c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, stderr, c.because)
		require.Empty(t, stdout)
	}
	require.Empty(t, w.asked, "no requests")
	code, stdout, _ := runArgs("--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "--metadata-url=URL")
}

func TestDemonstration(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	out, err := program(t, []string{"TMPDIR=" + temp, "TMP=" + temp}).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, text := range []string{"this is a demonstration", "assets/01.img: downloaded", "assets/24.img: downloaded"} {
		require.Contains(t, string(out), text)
	}
	require.Regexp(t, `/liar/targets: .*hash mismatch`, string(out))
	require.NotContains(t, string(out), "\x1b", "no bars without a terminal")
	require.NotRegexp(t, `/(honest|flaky)/targets: .*hash mismatch`, string(out))
}
