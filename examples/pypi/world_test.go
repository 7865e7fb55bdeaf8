package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// world is a small shop, its three hosts over HTTP, and a user with a cache and
// a destination.
type world struct {
	*testing.T
	shop                   *shop
	dir, dest              string
	index, files, extraURL string
	mu                     sync.Mutex
	asked                  []string
	before                 func(path string)                                      // is called for each request, while no other is answered
	instead                func(path string, data []byte, ok bool) ([]byte, bool) // is what the hosts answer, if it is set
}

func newWorld(t *testing.T, succinct bool) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir()}
	w.dest = filepath.Join(w.dir, "dest")
	w.index = w.serve(func(path string) ([]byte, bool) { return w.shop.index(path) })
	w.files = w.serve(func(path string) ([]byte, bool) { return w.shop.files(path) })
	w.extraURL = w.serve(func(path string) ([]byte, bool) { return w.shop.extra(path) }) + "/simple"
	w.shop = newShop(shopOptions{bits: 4, succinct: succinct, filesURL: w.files, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), largest: 20_000})
	w.shop.stock(`
		anvil     1.2 2.0 requires ironwork>=1.0
		rivet     1.0
		forge     1.0 requires Tongs~=1.4
		tongs     1.3 1.4 1.9 1.10 2.0 requires ironwork
		ironwork  1.0 1.1 2.0rc1`)
	w.shop.publish()
	w.shop.stockExtra("inhouse-report 0.3 requires Tongs", "tongs 99.0", "forge 99.0", "anvil 99.0")
	require.NoError(t, os.WriteFile(w.root(), w.shop.repo.TrustedRoot(), 0o600))
	return w
}

func (w *world) root() string { return filepath.Join(w.dir, "root.json") }

func (w *world) serve(find func(string) ([]byte, bool)) (url string) {
	server := httptest.NewServer(serveFiles(func(path string) ([]byte, bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, path)
		if w.before != nil {
			w.before(path)
		}
		data, ok := find(path)
		if w.instead != nil {
			data, ok = w.instead(path, bytes.Clone(data), ok)
		}
		return data, ok
	}))
	w.Cleanup(server.Close)
	return server.URL
}

// lie sets what the hosts answer from now on; requests that were given up may
// still be under way.
func (w *world) lie(instead func(path string, data []byte, ok bool) ([]byte, bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instead = instead
}

// requests returns what has been asked for since the last call.
func (w *world) requests() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.asked
	w.asked = nil
	return strings.Join(list, "\n")
}

func (w *world) args(packages ...string) []string {
	return append([]string{"install", "--root", w.root(), "--metadata-url", w.index + "/metadata", "--index-url", w.index, "--files-url", w.files,
		"--cache", filepath.Join(w.dir, "cache"), "--dest", w.dest, "--at", w.shop.repo.Now().Format(time.RFC3339)}, packages...)
}

func (w *world) withExtra(packages ...string) []string {
	return append(w.args(packages...), "--extra-index-url", w.extraURL)
}

func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func (w *world) mustRun(args []string) (stdout string) {
	w.Helper()
	code, stdout, stderr := runArgs(args...)
	require.Equal(w, 0, code, stdout+stderr)
	require.Empty(w, stderr, "no warnings, and no bars where there is no terminal")
	return stdout
}

// mustFail says that nothing is installed, not even a temporary file, and why.
func (w *world) mustFail(because string, args []string) {
	w.Helper()
	code, stdout, stderr := runArgs(args...)
	require.Equal(w, 1, code, stdout+stderr)
	require.Contains(w, stderr, because)
	require.Empty(w, w.installed())
}

// installed returns the names of what is in the destination.
func (w *world) installed() (names []string) {
	entries, err := os.ReadDir(w.dest)
	if !os.IsNotExist(err) {
		require.NoError(w, err)
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), "-py3-none-any.whl"))
	}
	return names
}

// mustBeGenuine says that every installed wheel is byte for byte one that the
// shop sells.
func (w *world) mustBeGenuine(names ...string) {
	w.Helper()
	require.Equal(w, names, w.installed())
	sold := make(map[string]bool)
	for _, data := range w.shop.wheels {
		sold[string(data)] = true
	}
	for _, data := range w.shop.extras {
		sold[string(data)] = true
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(w.dest, name+"-py3-none-any.whl"))
		require.NoError(w, err)
		require.True(w, sold[string(data)], name)
	}
}
