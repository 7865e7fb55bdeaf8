package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestMain turns the test binary into the program if a variable is set. So a
// test can kill the program or change its environment, and the race detector
// watches it.
func TestMain(m *testing.M) {
	if os.Getenv("ASYNC_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// program returns the command that runs the program.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "ASYNC_PROGRAM=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// world is a repository, mirrors of it, and a user with a cache and a
// destination.
type world struct {
	t       *testing.T
	repo    *verifytest.Repo
	content map[string][]byte
	dir     string
	cache   string
	dest    string
	mirrors []string // arguments
	mu      sync.Mutex
	asked   []*http.Request
}

func newWorld(t *testing.T, targets int, size int) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, repo: verifytest.New(verifytest.Options{}), content: map[string][]byte{}, dir: dir,
		cache: filepath.Join(dir, "cache"), dest: filepath.Join(dir, "dest")}
	w.repo.Targets().DelegateBins("bin", 4)
	for i := range targets {
		name := fmt.Sprintf("files/%02d.bin", i)
		w.content[name] = bytes.Repeat([]byte{byte(i), byte(i >> 8), 'x', 'y'}, size/4)
		w.repo.Targets().AddToBin(name, w.content[name])
	}
	w.repo.Publish()
	require.NoError(t, os.Mkdir(w.dest, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.json"), w.repo.TrustedRoot(), 0o600))
	return w
}

// reply answers a request in place of the mirror, if it returns true.
type reply = func(rw http.ResponseWriter, r *http.Request, data []byte) bool

// mirror adds a mirror. A reply gets the right file, or nil if there is none.
func (w *world) mirror(name string, answers reply) *httptest.Server {
	server := httptest.NewServer(http.StripPrefix("/"+name, w.handler(answers)))
	w.t.Cleanup(server.Close)
	w.add(name, server.URL)
	return server
}

func (w *world) add(name, url string) {
	w.mirrors = append(w.mirrors, "--metadata-url", url+"/"+name+"/metadata", "--targets-url", url+"/"+name+"/targets")
}

func (w *world) handler(answers reply) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r)
		w.mu.Unlock()
		kind, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		files := w.repo.Metadata()
		if kind == "targets" {
			files = w.repo.TargetFiles()
		}
		data, ok := files[path]
		if answers != nil && answers(rw, r, data) {
			return
		}
		if !ok {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("ETag", fmt.Sprintf("%q", path))
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
	})
}

func (w *world) names() (names []string) {
	for i := range w.content {
		names = append(names, i)
	}
	return names
}

func (w *world) args(more ...string) []string {
	args := append([]string{
		"--root", filepath.Join(w.dir, "root.json"), "--cache", w.cache, "--dest", w.dest,
		"--at", w.repo.Now().Format(time.RFC3339),
	}, w.mirrors...)
	return append(append(args, w.names()...), more...)
}

const hidden = ".tufwalk-" // begins the names of unfinished files

func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// must runs the program, and requires that all targets are in place then, and
// no other files.
func (w *world) must(more ...string) (stdout, stderr string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(w.args(more...)...)
	require.Equal(w.t, 0, code, stdout+stderr)
	w.mustBeRight()
	require.Len(w.t, w.visible(), len(w.content))
	require.Empty(w.t, w.hidden())
	return stdout, stderr
}

// fail runs the program. It must fail, and all files in place must be right.
func (w *world) fail(because string, more ...string) (stdout, stderr string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(w.args(more...)...)
	require.Equal(w.t, 1, code, stdout+stderr)
	require.Contains(w.t, stderr, because)
	w.mustBeRight()
	return stdout, stderr
}

func (w *world) files() (files []string) {
	_ = filepath.WalkDir(w.dest, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, err := filepath.Rel(w.dest, path)
			require.NoError(w.t, err)
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	return files
}

func (w *world) visible() (files []string) {
	for _, f := range w.files() {
		if !strings.HasPrefix(filepath.Base(f), hidden) {
			files = append(files, f)
		}
	}
	return files
}

func (w *world) hidden() (files []string) {
	for _, f := range w.files() {
		if strings.HasPrefix(filepath.Base(f), hidden) {
			files = append(files, f)
		}
	}
	return files
}

// mustBeRight requires that all files in place have the right content.
func (w *world) mustBeRight() {
	w.t.Helper()
	for _, name := range w.visible() {
		data, err := os.ReadFile(filepath.Join(w.dest, name))
		require.NoError(w.t, err)
		want, ok := w.content[name]
		require.True(w.t, ok, "%s is not a target", name)
		require.True(w.t, bytes.Equal(want, data), "%s is wrong", name)
	}
}

// since returns the requests for targets since the last call.
func (w *world) since() (requests []*http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.asked {
		if strings.HasPrefix(r.URL.Path, "/targets/") {
			requests = append(requests, r)
		}
	}
	w.asked = nil
	return requests
}

func gzipped(data []byte) []byte {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(data) // a bytes.Buffer never fails
	_ = z.Close()
	return packed.Bytes()
}

// forRoots answers each request for a root with a status.
func forRoots(code int) reply {
	return func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if !strings.HasSuffix(r.URL.Path, ".root.json") {
			return false
		}
		rw.WriteHeader(code)
		return true
	}
}

func lieAbout(path string) reply {
	return func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if r.URL.Path != path {
			return false
		}
		_, _ = rw.Write(bytes.Replace(data, []byte(`"version": 2`), []byte(`"version": 3`), 1))
		return true
	}
}

// killer lets a number of bytes pass. Then it closes reached, and holds back
// all answers until the client is gone.
type killer struct {
	mu      sync.Mutex
	left    int
	reached chan struct{}
}

func (k *killer) arm(bytes int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.reached = bytes, make(chan struct{})
	return k.reached
}

// pass returns how many of n bytes may pass.
func (k *killer) pass(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.reached == nil {
		return n
	}
	n = min(n, k.left)
	if k.left -= n; k.left == 0 && n > 0 {
		close(k.reached)
	}
	return n
}

// wrap counts the bytes of a mirror. If lies is set, the mirror changes a byte
// of every target.
func (k *killer) wrap(lies bool) reply {
	return func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if data == nil {
			return false
		}
		if lies && strings.HasPrefix(r.URL.Path, "/targets/") {
			data = append([]byte(nil), data...)
			data[len(data)/2] ^= 1
		}
		rw.Header().Set("ETag", `"one"`) // the liar sends the same one
		http.ServeContent(&killWriter{rw, r, k}, r, "", time.Time{}, bytes.NewReader(data))
		return true
	}
}

type killWriter struct {
	http.ResponseWriter
	request *http.Request
	killer  *killer
}

func (w *killWriter) Write(p []byte) (int, error) {
	n := w.killer.pass(len(p))
	if _, err := w.ResponseWriter.Write(p[:n]); err != nil || n == len(p) {
		return n, err
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	<-w.request.Context().Done()
	return n, http.ErrAbortHandler
}
