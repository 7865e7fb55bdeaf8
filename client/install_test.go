package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
)

// installing is a directory that a target is installed in, over networks with
// the real clock: locks wait in the file system.
type installing struct {
	*networks
	target Target
	path   string // in the mirrors' URLs
	dir    string
	root   *os.Root
	m      *Mirrors
}

func newInstalling(t *testing.T) *installing {
	w := &installing{networks: newNetworks(t), dir: t.TempDir()}
	w.target = w.lookup()
	w.path = "/targets/" + w.target.urlPaths[0]
	var err error
	w.root, err = os.OpenRoot(w.dir)
	require.NoError(t, err)
	t.Cleanup(func() { w.root.Close() })
	w.m = w.mirrors()
	return w
}

func (w *installing) install(name string, o InstallOptions) error {
	return w.m.Install(w.Context(), w.target, w.root, name, o)
}

// files returns all names below the directory.
func (w *installing) files() (names []string) {
	w.Helper()
	require.NoError(w, fs.WalkDir(os.DirFS(w.dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func (w *installing) write(name, content string) {
	w.Helper()
	full := filepath.Join(w.dir, name)
	require.NoError(w, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(w, os.WriteFile(full, []byte(content), 0o600))
}

func (w *installing) has(name string) {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	require.NoError(w, err)
	require.Equal(w, w.target.Length, int64(len(data)))
	require.Equal(w, w.networks.target, data)
}

func TestInstallInPlace(t *testing.T) {
	w := newInstalling(t)
	require.NoError(t, w.install("bin/deep/app", InstallOptions{Perm: 0o755}))
	w.has("bin/deep/app")
	require.Equal(t, []string{"bin/deep/app"}, w.files(), "nothing else stays")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(w.dir, "bin/deep/app"))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o755), info.Mode())
	}
	require.NoError(t, w.install("bin/deep/app", InstallOptions{}))
	require.Len(t, w.a.Log(), 1, "what is right is not downloaded again")
}

func TestInstallReplaces(t *testing.T) {
	for _, old := range []string{"old", strings.Repeat("x", 4028)} {
		w := newInstalling(t)
		w.write("app", old)
		require.NoError(t, w.install("app", InstallOptions{Running: true}))
		w.has("app")
		require.Equal(t, []string{"app"}, w.files())
	}
}

func TestInstallResumes(t *testing.T) {
	w := newInstalling(t)
	w.config.Retries, w.config.Targets = -1, w.config.Targets[:1]
	w.m = w.mirrors()
	w.write("app", "old")
	w.a.On(w.path, clienttest.Cut(1000))
	require.Error(t, w.install("app", InstallOptions{}))
	data, err := os.ReadFile(filepath.Join(w.dir, "app"))
	require.NoError(t, err)
	require.Equal(t, "old", string(data), "the old file stays")
	require.Len(t, w.files(), 2)

	require.NoError(t, w.install("app", InstallOptions{}))
	require.Equal(t, "bytes=1000-", w.a.Log()[1].Header.Get("Range"))
	w.has("app")
	require.Equal(t, []string{"app"}, w.files())
}

// From an archive: what is wrong or breaks off leaves the old file, and nothing
// else.
func TestInstallFrom(t *testing.T) {
	w := newInstalling(t)
	from := func(src io.Reader) error {
		return InstallFrom(w.Context(), src, w.target, w.root, "bin/app", InstallOptions{})
	}
	w.write("bin/app", "old")
	good := w.networks.target
	wrong := bytes.Clone(good)
	wrong[7] ^= 1
	broken := errors.New("the disk is broken")
	for because, src := range map[error]io.Reader{
		verify.ErrHash:   bytes.NewReader(wrong),
		verify.ErrLength: bytes.NewReader(append(bytes.Clone(good), 'x')),
		broken:           io.MultiReader(bytes.NewReader(good[:1000]), iotest.ErrReader(broken)),
	} {
		require.ErrorIs(t, from(src), because)
		data, err := os.ReadFile(filepath.Join(w.dir, "bin/app"))
		require.NoError(t, err)
		require.Equal(t, "old", string(data))
		require.Equal(t, []string{"bin/app"}, w.files())
	}
	require.NoError(t, from(bytes.NewReader(good)))
	w.has("bin/app")
	require.NoError(t, from(nil), "what is right is not read again")
	require.Equal(t, []string{"bin/app"}, w.files())
	require.Empty(t, w.a.Log())

	ctx, cancel := context.WithCancelCause(w.Context())
	cancel(broken)
	err := InstallFrom(ctx, bytes.NewReader(good), w.target, w.root, "other", InstallOptions{})
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, InstallFrom(w.Context(), nil, w.target, w.root, "../app", InstallOptions{}), verify.ErrPath)
	require.ErrorIs(t, InstallFrom(w.Context(), nil, Target{}, w.root, "app", InstallOptions{}), verify.ErrUntrusted)
}

func TestInstallLeavesNothingAfterNothingCame(t *testing.T) {
	w := newInstalling(t)
	w.a.Remove(w.path)
	w.b.Remove(w.path)
	err := w.install("app", InstallOptions{})
	require.ErrorIs(t, err, verify.ErrNotAtSource)
	require.Empty(t, w.files())
}

func TestInstallSweepsItsOwnLeftoversOnly(t *testing.T) {
	w := newInstalling(t)
	part := w.partOf("app")
	old := part.own + strings.Repeat("0", 16) + ".part"
	aside := part.own + strings.Repeat("A", 26) + ".old"
	others := []string{
		part.own + "notes.txt", ".tufwalk-0000000000000000-" + strings.Repeat("0", 16) + ".part", ".tufwalk-x",
	}
	for _, name := range append([]string{old, aside}, others...) {
		w.write(name, "x")
	}
	require.NoError(t, w.install("app", InstallOptions{}))
	require.ElementsMatch(t, append(others, "app"), w.files())
}

// partOf returns the unfinished file for a name, which is not created.
func (w *installing) partOf(name string) *part {
	w.Helper()
	p, err := openPart(w.Context(), w.root, name, w.target)
	require.NoError(w, err)
	p.close()
	return p
}

func TestInstallManyAtOnce(t *testing.T) {
	w := newInstalling(t)
	w.a.Always(w.path, clienttest.Drip(1000, 10*time.Millisecond))
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() {
			root, err := os.OpenRoot(w.dir)
			if err == nil {
				defer root.Close()
				err = w.m.Install(t.Context(), w.target, root, "app", InstallOptions{})
			}
			errs[i] = err
		})
	}
	wait.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, w.a.Log(), 1, "the others wait, and find it")
	w.has("app")
	require.Equal(t, []string{"app"}, w.files())
}

func TestInstallStopsWaiting(t *testing.T) {
	w := newInstalling(t)
	p, err := openPart(t.Context(), w.root, "app", w.target)
	require.NoError(t, err)
	defer p.close()
	err = w.m.Install(canceled(t), w.target, w.root, "app", InstallOptions{})
	require.Error(t, err)
	require.Empty(t, w.a.Log())
}

// Locks need the path of the directory. If it was relative, and the program has
// changed its working directory, that is an error and no endless loop.
func TestInstallWhenThePathLeadsElsewhere(t *testing.T) {
	w := newInstalling(t)
	t.Chdir(w.dir)
	root, err := os.OpenRoot(".")
	require.NoError(t, err)
	defer root.Close()
	t.Chdir(t.TempDir())
	err = w.m.Install(t.Context(), w.target, root, "app", InstallOptions{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, verify.KindStore, verify.KindOf(err))
	require.Empty(t, w.a.Log())
}

func TestInstallInAPlaceThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		w := newInstalling(t)
		w.root.Close()
		err := w.install("app", InstallOptions{})
		require.Equal(t, verify.KindStore, verify.KindOf(err))
		require.Empty(t, w.a.Log())
		return
	}
	w := newInstalling(t)
	require.NoError(t, os.Chmod(w.dir, 0o500))
	err := w.install("app", InstallOptions{})
	require.Equal(t, verify.KindStore, verify.KindOf(err))
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Empty(t, w.a.Log())
}

func TestInstallAside(t *testing.T) {
	for _, old := range []bool{true, false} {
		w := newInstalling(t)
		if old {
			w.write("app", "old")
		}
		p, err := openPart(t.Context(), w.root, "app", w.target)
		require.NoError(t, err)
		require.NoError(t, w.m.Download(t.Context(), w.target, p.file, DownloadOptions{}))
		require.NoError(t, p.place("app", 0o755, true))
		p.close()
		w.has("app")
		require.Equal(t, []string{"app"}, w.files())
	}
	t.Run("the old one comes back if the new one cannot be placed", func(t *testing.T) {
		w := newInstalling(t)
		w.write("app", "old")
		p, err := openPart(t.Context(), w.root, "app", w.target)
		require.NoError(t, err)
		require.NoError(t, w.root.Remove(p.name))
		require.Error(t, p.place("app", 0o755, true))
		p.close()
		require.Equal(t, []string{"app"}, w.files())
	})
}

func TestInstallRefuses(t *testing.T) {
	w := newInstalling(t)
	w.write("App", "another file")
	for _, name := range []string{"app", "../app", "con", "App/x/.."} {
		err := w.install(name, InstallOptions{})
		require.ErrorAs(t, err, new(*NameError), name)
		require.Equal(t, verify.KindMistake, verify.KindOf(err))
	}
	w.write("Straße/x", "")
	require.ErrorAs(t, w.install("STRASSE/y", InstallOptions{}), new(*NameError))
	require.Empty(t, w.a.Log())
	require.ErrorIs(t, w.m.Install(t.Context(), Target{}, w.root, "app", InstallOptions{}), verify.ErrUntrusted)
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{
		"a", "a/b.c", "étage", "a b", "~", "a~b", "com", "com10", "console", "nul-x/y", "-", "日本", "v1~rc.tar.gz",
	} {
		require.NoError(t, CheckName(good), good)
	}
	for bad, why := range map[string]string{
		"":                         "is empty",
		".":                        "plain relative path",
		"/a":                       "plain relative path",
		"a/":                       "plain relative path",
		"a//b":                     "plain relative path",
		"a/../b":                   "plain relative path",
		"\xff":                     "UTF-8",
		"a\nb":                     "not printed",
		"a\u200bb":                 "not printed",
		"a:b":                      "one of",
		`a\b`:                      "one of",
		"a.":                       "ends in a dot",
		"a /b":                     "ends in a dot or a space",
		"NUL":                      "device",
		"x/aux.txt":                "device",
		"com¹":                     "device",
		"PROGRA~1":                 "short name",
		"x/longna~12.exe":          "short name",
		"e\u0301tage":              "NFC",
		strings.Repeat("a", 256):   "more than 255 bytes",
		".tufwalk-x":               "like files of this library",
		"dir/.TUFWALK-" + "x.part": "like files of this library",
		".tufwal\u212A-x":          "NFC",
	} {
		err := CheckName(bad)
		require.ErrorContains(t, err, why, bad)
		require.ErrorIs(t, err, verify.ErrPath)
	}
}

func TestOneNameForTwoFiles(t *testing.T) {
	require.NoError(t, CheckNames([]string{"a/b", "a/c", "d"}))
	for _, names := range [][]string{
		{"a", "a"},
		{"a", "A"},
		{"straße", "STRASSE"},
		{"ſ", "s"},
		{"ﬁ", "fi"},
		{"a", "a/b"},
		{"A/b", "a"},
		{"É", "é"},
		{"ok", "con"},
	} {
		require.ErrorAs(t, CheckNames(names), new(*NameError), names)
	}
}
