package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// world is a repository, a server of it over HTTP, and a user with a cache and
// a destination.
type world struct {
	t         *testing.T
	repo      *verifytest.Repo
	dir       string
	cache     string
	dest      string
	rootFile  string
	metadata  string // base URLs
	targets   string
	mu        sync.Mutex
	requested []string
}

var (
	appData  = bytes.Repeat([]byte("app "), 50_000)
	toolData = []byte("a tool")
)

func newWorld(t *testing.T, o verifytest.Options) *world {
	t.Helper()
	w := &world{t: t, repo: verifytest.New(o), dir: t.TempDir()}
	w.repo.Targets().AddTarget("app.bin", appData)
	w.repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"tools/*"}}).AddTarget("tools/hammer", toolData)
	w.repo.Publish()
	w.cache, w.dest, w.rootFile = filepath.Join(w.dir, "cache"), filepath.Join(w.dir, "dest"), filepath.Join(w.dir, "root.json")
	require.NoError(t, os.WriteFile(w.rootFile, w.repo.TrustedRoot(), 0o600))
	w.metadata = w.mirror(w.repo.Metadata(), nil)
	w.targets = w.mirror(w.repo.TargetFiles(), nil)
	return w
}

// mirror serves files, by the very path on the wire. What answers returns true
// for it has answered itself.
func (w *world) mirror(files verifytest.Files, answers func(http.ResponseWriter, string) bool) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		w.mu.Lock()
		w.requested = append(w.requested, path)
		w.mu.Unlock()
		if answers != nil && answers(rw, path) {
			return
		}
		if data, ok := files[path]; ok {
			_, _ = rw.Write(data)
			return
		}
		http.NotFound(rw, r)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// args are a whole command line for these targets.
func (w *world) args(targets ...string) []string {
	return append([]string{"--root", w.rootFile, "--metadata-url", w.metadata, "--targets-url", w.targets,
		"--cache", w.cache, "--dest", w.dest, "--at", w.repo.Now().Format(time.RFC3339)}, targets...)
}

func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func (w *world) mustInstall(targets ...string) (stdout, stderr string) {
	w.t.Helper()
	return w.mustInstallWith(nil, targets...)
}

func (w *world) mustInstallWith(options []string, targets ...string) (stdout, stderr string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(append(w.args(targets...), options...)...)
	require.Equal(w.t, 0, code, stderr)
	for _, target := range targets {
		w.mustHave(target)
	}
	return stdout, stderr
}

func (w *world) mustFail(because string, args ...string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(args...)
	require.Equal(w.t, 1, code, stdout+stderr)
	require.Contains(w.t, stderr, because)
}

// mustHave says that a target is in place, and as it should be.
func (w *world) mustHave(target string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dest, target))
	require.NoError(w.t, err)
	require.Equal(w.t, map[string][]byte{"app.bin": appData, "tools/hammer": toolData}[target], data)
}

// mustHaveNothing says that not even a temporary file was left.
func (w *world) mustHaveNothing() {
	w.t.Helper()
	_ = filepath.WalkDir(w.dest, func(path string, d os.DirEntry, err error) error {
		require.False(w.t, err == nil && !d.IsDir(), "%s is there", path)
		return nil
	})
}

// since returns what was requested after the last call.
func (w *world) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.requested
	w.requested = nil
	return r
}
