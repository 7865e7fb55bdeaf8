package main

import (
	"encoding/json"
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

// parties is several repositories, HTTP servers for them, a map, and a user
// with a cache and a destination.
type parties struct {
	t         *testing.T
	dir       string
	cache     string
	dest      string
	repos     map[string]*verifytest.Repo
	urls      map[string][]string
	mapping   []any
	mu        sync.Mutex
	requested []string
	meanwhile map[string]func() // what happens once while a server answers: "repository path"
}

func newParties(t *testing.T) *parties {
	dir := t.TempDir()
	return &parties{
		t: t, dir: dir, cache: filepath.Join(dir, "cache"), dest: filepath.Join(dir, "dest"),
		repos: map[string]*verifytest.Repo{}, urls: map[string][]string{},
	}
}

// add creates a repository with these files, and serves it.
func (w *parties) add(name string, files map[string]string) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{Seed: name})
	for path, content := range files {
		repo.Targets().AddTarget(path, []byte(content))
	}
	repo.Publish()
	w.repos[name] = repo
	w.urls[name] = []string{w.mirror(name, repo.Metadata(), repo.TargetFiles())}
	return repo
}

// mirror serves files under /metadata and /targets.
func (w *parties) mirror(name string, metadata, targets verifytest.Files) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		kind, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		w.mu.Lock()
		w.requested = append(w.requested, name+" "+path)
		meanwhile := w.meanwhile[name+" "+path]
		delete(w.meanwhile, name+" "+path)
		data, ok := map[string]verifytest.Files{"metadata": metadata, "targets": targets}[kind][path]
		w.mu.Unlock()
		if meanwhile != nil {
			meanwhile()
		}
		if !ok {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write(data)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

func (w *parties) entry(path string, threshold int, terminating bool, repositories ...string) {
	w.mapping = append(w.mapping, map[string]any{
		"paths": []string{path}, "repositories": repositories,
		"threshold": threshold, "terminating": terminating,
	})
}

// args writes the map and the root files, and returns a whole command line for
// these targets.
func (w *parties) args(targets ...string) []string {
	w.t.Helper()
	data, err := json.Marshal(map[string]any{"repositories": w.urls, "mapping": w.mapping})
	require.NoError(w.t, err)
	file := filepath.Join(w.dir, "map.json")
	require.NoError(w.t, os.WriteFile(file, data, 0o600))
	var now time.Time
	args := []string{"--map", file, "--trail", "--cache", w.cache, "--dest", w.dest}
	for name, repo := range w.repos {
		f, err := os.CreateTemp(w.dir, "*.root.json")
		require.NoError(w.t, err)
		_, err = f.Write(repo.TrustedRoot())
		require.NoError(w.t, err)
		require.NoError(w.t, f.Close())
		args, now = append(args, "--root", name+"="+f.Name()), repo.Now()
	}
	return append(append(args, "--at", now.Format(time.RFC3339)), targets...)
}

func (w *parties) mustInstall(target, content string) (stdout, stderr string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(w.args(target)...)
	require.Equal(w.t, 0, code, stderr)
	data, err := os.ReadFile(filepath.Join(w.dest, target))
	require.NoError(w.t, err)
	require.Equal(w.t, content, string(data))
	return stdout, stderr
}

func (w *parties) mustFail(because string, targets ...string) (stderr string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(w.args(targets...)...)
	require.Equal(w.t, 1, code, stdout+stderr)
	require.Contains(w.t, stderr, because)
	for _, target := range targets {
		require.NoFileExists(w.t, filepath.Join(w.dest, target))
	}
	return stderr
}

// since returns the requests since the last call.
func (w *parties) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.requested
	w.requested = nil
	return r
}

func twoParties(t *testing.T) *parties {
	w := newParties(t)
	w.add("private", map[string]string{"acme-1": "billing", "tool-1": "tool", "tool-2": "tool"})
	w.add("public", map[string]string{
		"acme-1": "evil", "acme-99": "evil", "tool-1": "tool", "tool-2": "a changed tool", "pad": "pad",
	})
	w.entry("acme-*", 1, true, "private")
	w.entry("tool-*", 2, true, "private", "public")
	w.entry("*", 1, false, "public")
	return w
}
