package main

import (
	"bytes"
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

// TestMain makes the test binary the program when it is asked to: what is
// killed, or needs an environment, is a process of its own, which the race
// detector sees too.
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
	cmd.Env = append(append(os.Environ(), "ASYNC_PROGRAM=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")), env...)
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
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.json"), w.repo.TrustedRoot(), 0o600))
	return w
}

// reply replaces what a mirror answers, if it returns true.
type reply = func(rw http.ResponseWriter, r *http.Request, data []byte) bool

// mirror adds a mirror; data is the right file, or nil if there is none.
func (w *world) mirror(name string, answers reply) *httptest.Server {
	server := httptest.NewServer(w.handler(answers))
	w.t.Cleanup(server.Close)
	w.add(name, server.URL)
	return server
}

func (w *world) add(name, url string) {
	w.mirrors = append(w.mirrors, "--metadata-url", name+"="+url+"/metadata", "--targets-url", name+"="+url+"/targets")
}

func (w *world) handler(answers reply) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r)
		w.mu.Unlock()
		kind, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		data, ok := map[string]verifytest.Files{"metadata": w.repo.Metadata(), "targets": w.repo.TargetFiles()}[kind][path]
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

// forTargets has only requests for targets answered otherwise.
func forTargets(answers reply) reply {
	return func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		return strings.HasPrefix(r.URL.Path, "/targets/") && answers(rw, r, data)
	}
}

func (w *world) names() (names []string) {
	for i := range w.content {
		names = append(names, i)
	}
	return names
}

func (w *world) args(more ...string) []string {
	args := append([]string{"--root", filepath.Join(w.dir, "root.json"), "--cache", w.cache, "--dest", w.dest, "--pause", "1ms",
		"--at", w.repo.Now().Format(time.RFC3339)}, w.mirrors...)
	return append(append(args, w.names()...), more...)
}

func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// must runs the program, and requires that everything is in place then and
// nothing else.
func (w *world) must(more ...string) (stdout string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(w.args(more...)...)
	require.Equal(w.t, 0, code, stdout+stderr)
	w.mustBeRight()
	require.Len(w.t, w.visible(), len(w.content))
	require.Empty(w.t, w.hidden())
	return stdout
}

// fail runs the program, and requires that it fails and what it did is right.
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
		if err == nil && !d.IsDir() && d.Name() != ".tufwalk.lock" {
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
		if !strings.HasPrefix(filepath.Base(f), ".tufwalk-") {
			files = append(files, f)
		}
	}
	return files
}

func (w *world) hidden() (files []string) {
	for _, f := range w.files() {
		if strings.HasPrefix(filepath.Base(f), ".tufwalk-") {
			files = append(files, f)
		}
	}
	return files
}

// mustBeRight says that whatever has a target's name is whole and right.
func (w *world) mustBeRight() {
	w.t.Helper()
	for _, name := range w.visible() {
		data, err := os.ReadFile(filepath.Join(w.dest, name))
		require.NoError(w.t, err)
		want, ok := w.content[name]
		require.True(w.t, ok, "%s is no target", name)
		require.True(w.t, bytes.Equal(want, data), "%s is wrong", name)
	}
}

// part returns the one partial file there is.
func (w *world) part() string {
	w.t.Helper()
	var parts []string
	for _, f := range w.hidden() {
		if strings.HasSuffix(f, ".part") {
			parts = append(parts, filepath.Join(w.dest, f))
		}
	}
	require.Len(w.t, parts, 1)
	return parts[0]
}

// since returns the requests for targets after the last call.
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

// cut sends half of a body and breaks off.
func cut(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
	rw.Header().Set("Content-Length", fmt.Sprint(len(data)))
	rw.Header().Set("ETag", `"cut"`)
	_, _ = rw.Write(data[:len(data)/2])
	_ = http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}
