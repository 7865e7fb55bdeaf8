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

	version "github.com/aquasecurity/go-pep440-version"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
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
	before                 func(path string) // called for each request, for one at a time
	instead                answers           // replaces the answers of the hosts, if it is set
}

// answers returns the answer in place of data, the right file, if ok.
type answers = func(path string, data []byte, ok bool) ([]byte, bool)

func newWorld(t *testing.T, succinct bool) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir()}
	w.dest = filepath.Join(w.dir, "dest")
	w.index = w.serve(func(path string) ([]byte, bool) { return w.shop.index(path) })
	w.files = w.serve(func(path string) ([]byte, bool) { return w.shop.files(path) })
	w.extraURL = w.serve(func(path string) ([]byte, bool) { return w.shop.extra(path) }) + "/simple"
	w.shop = newShop(shopOptions{
		bits: 4, succinct: succinct, filesURL: w.files, largest: 20_000,
		now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
	})
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

// lie sets what the hosts answer from now on. Requests of an earlier run may
// still be open.
func (w *world) lie(instead answers) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instead = instead
}

// requests returns the paths requested since the last call.
func (w *world) requests() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.asked
	w.asked = nil
	return strings.Join(list, "\n")
}

func (w *world) args(packages ...string) []string {
	return append([]string{
		"install", "--root", w.root(), "--metadata-url", w.index + "/metadata",
		"--index-url", w.index, "--files-url", w.files,
		"--cache", filepath.Join(w.dir, "cache"), "--dest", w.dest, "--at", w.shop.repo.Now().Format(time.RFC3339),
	}, packages...)
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
	require.Empty(w, stderr, "no warnings, and no bars without a terminal")
	return stdout
}

// mustFail requires an error, and that there are no files, not even temporary
// ones.
func (w *world) mustFail(because string, args []string) {
	w.Helper()
	code, stdout, stderr := runArgs(args...)
	require.Equal(w, 1, code, stdout+stderr)
	require.Contains(w, stderr, because)
	require.Empty(w, w.installed())
}

// installed returns the names of the files in the destination.
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

// mustBeGenuine requires that exactly these wheels are installed, with the
// bytes of the shop.
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

// breakIn publishes wheels of a project with all online keys: those of the
// bins, recently-claimed, snapshot and timestamp.
func (w *world) breakIn(project string) {
	shop, offline := w.shop, []string{"root", "targets", "claimed", "unclaimed"}
	require.NotContains(w, shop.repo.Keys("anvil-developers"), shop.repo.Keys("bin-0")[0])
	var before, after []int64
	for _, role := range offline {
		before = append(before, shop.repo.Version(role))
	}
	shop.add(func(_, path string) *verifytest.Role { return shop.unclaimed.Bin(path) }, project, "66.6")
	mine := shop.repo.Role("recently-claimed").Delegate(verifytest.Delegation{
		Name: "mine", Paths: []string{"simple/*/*", "packages/*/*/*/*"}, Terminating: true,
	})
	shop.add(func(string, string) *verifytest.Role { return mine }, project, "66.7")
	shop.publish()
	for _, role := range offline {
		after = append(after, shop.repo.Version(role))
	}
	require.Equal(w, before, after, "the offline keys were not used")
}

// market returns projects. A line has a name, a version and, after a colon, its
// requirements.
func market(t *testing.T, lines ...string) map[string]*project {
	projects := make(map[string]*project)
	for _, line := range lines {
		key, requires, _ := strings.Cut(line, ":")
		name, v, _ := strings.Cut(key, " ")
		v, yanked := strings.CutSuffix(v, " yanked")
		p := projects[name]
		if p == nil {
			p = &project{name: name}
			projects[name] = p
		}
		r := &release{project: p, version: version.MustParse(v), known: true, file: pageFile{Yanked: yanked}}
		for _, text := range strings.Fields(requires) {
			q, err := parseRequirement(text, key)
			require.NoError(t, err)
			r.requires = append(r.requires, q)
		}
		p.releases = append([]*release{r}, p.releases...) // newest first
	}
	return projects
}
