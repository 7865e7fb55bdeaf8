package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	appData  = bytes.Repeat([]byte("app "), 500)
	toolData = []byte("a tool")
)

// world is a repository, servers for it, and a user who packs and verifies.
type world struct {
	t        *testing.T
	repo     *verifytest.Repo
	dir      string
	metadata string // base URLs
	targets  string
	bundle   string
}

func newWorld(t *testing.T, o verifytest.Options) *world {
	t.Helper()
	w := &world{t: t, repo: verifytest.New(o), dir: t.TempDir()}
	w.repo.Targets().AddTarget("app.bin", appData)
	team := w.repo.Targets().Delegate(verifytest.Delegation{Name: "team/a", Paths: []string{"tools/*"}})
	team.AddTarget("tools/big hammer", toolData)
	w.repo.Publish()
	w.root("root.json", w.repo.TrustedRoot())
	serve := func(files verifytest.Files) string {
		server := httptest.NewServer(http.FileServerFS(files.FS()))
		t.Cleanup(server.Close)
		return server.URL
	}
	w.metadata, w.targets, w.bundle = serve(w.repo.Metadata()), serve(w.repo.TargetFiles()), w.path("all.zip")
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) root(name string, data []byte) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(w.path(name), data, 0o600))
}

func (w *world) now() string { return w.repo.Now().Format(time.RFC3339) }

// packArgs and verifyArgs return whole command lines. Later options win.
func (w *world) packArgs(more ...string) []string {
	return append([]string{
		"pack", "--root", w.path("root.json"), "--metadata-url", w.metadata, "--targets-url", w.targets,
		"--at", w.now(), w.bundle,
	}, more...)
}

func (w *world) verifyArgs(more ...string) []string {
	return append([]string{
		"verify", "--root", w.path("root.json"), "--at", w.now(), "--dest", w.path("dest"), w.bundle,
	}, more...)
}

// runArgs runs the program. Where it has broken its lines is left out.
func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, flat(out.String()), flat(errs.String())
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// pack packs both targets.
func (w *world) pack(more ...string) (stdout string) {
	w.t.Helper()
	return w.must(w.packArgs(append([]string{"app.bin", "tools/big hammer"}, more...)...))
}

func (w *world) must(args []string) (stdout string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(args...)
	require.Equal(w.t, 0, code, stderr)
	require.Empty(w.t, stderr, "no warnings, and no bars without a terminal")
	return stdout
}

func (w *world) mustFail(code int, because string, args []string) {
	w.t.Helper()
	got, stdout, stderr := runArgs(args...)
	require.Equal(w.t, code, got, stdout+stderr)
	require.Contains(w.t, stderr, because)
	require.Empty(w.t, stdout)
}

// mustHave requires that exactly these targets are extracted, with the right
// content.
func (w *world) mustHave(targets ...string) {
	w.t.Helper()
	var found []string
	_ = filepath.WalkDir(w.path("dest"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, err := filepath.Rel(w.path("dest"), path)
			require.NoError(w.t, err)
			name = filepath.ToSlash(name)
			data, err := os.ReadFile(path)
			require.NoError(w.t, err)
			want := map[string][]byte{"app.bin": appData, "tools/big hammer": toolData}
			require.Equal(w.t, want[name], data, name)
			found = append(found, name)
		}
		return nil
	})
	slices.Sort(targets)
	require.Equal(w.t, targets, found)
}

// change writes the bundle again after a change of its files, with a list and
// checksums that match.
func (w *world) change(f func(files map[string][]byte)) {
	w.t.Helper()
	require.NoError(w.t, rewrite(w.bundle, w.path("changed.zip"), f))
	w.bundle = w.path("changed.zip")
}

const day = 24 * time.Hour

// zipOf writes an archive that rewrite cannot write: add may write any list.
func (w *world) zipOf(add func(z *zip.Writer)) {
	w.t.Helper()
	f, err := os.Create(w.bundle)
	require.NoError(w.t, err)
	z := zip.NewWriter(f)
	add(z)
	require.NoError(w.t, errors.Join(z.Close(), f.Close()))
}
