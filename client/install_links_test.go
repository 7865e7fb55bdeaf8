//go:build !windows

package client

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// Links need a privilege on Windows.
func TestInstallNeverWritesThroughLinks(t *testing.T) {
	tests := map[string]func(w *installing, outside string){
		"the file":               func(w *installing, _ string) { w.link("victim", "bin/app") },
		"the file, dangling":     func(w *installing, _ string) { w.link("nothing", "bin/app") },
		"the directory":          func(w *installing, _ string) { w.link("elsewhere", "bin") },
		"a directory outside":    func(w *installing, outside string) { w.link(outside, "bin") },
		"a directory as a file":  func(w *installing, _ string) { w.write("bin/app/x", "") },
		"a file as a directory":  func(w *installing, _ string) { w.write("bin", "") },
		"the lock":               func(w *installing, _ string) { w.link("../victim", "bin/"+w.partOf("app").own+"lock") },
		"the lock, dangling":     func(w *installing, _ string) { w.link("nothing", "bin/"+w.partOf("app").own+"lock") },
		"the lock, a directory":  func(w *installing, _ string) { w.write("bin/"+w.partOf("app").own+"lock/x", "") },
		"the part, a directory ": func(w *installing, _ string) { w.write("bin/"+w.partOf("app").name+"/x", "") },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			w := newInstalling(t)
			outside := t.TempDir()
			w.write("victim", "victim")
			require.NoError(t, os.Mkdir(filepath.Join(w.dir, "elsewhere"), 0o755))
			prepare(w, outside)
			before := w.files()
			err := w.install("bin/app", InstallOptions{})
			require.Error(t, err)
			require.Equal(t, verify.KindStore, verify.KindOf(err), err)
			require.Equal(t, before, w.files())
			data, err := os.ReadFile(filepath.Join(w.dir, "victim"))
			require.NoError(t, err)
			require.Equal(t, "victim", string(data))
			entries, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run("the part, a "+name+" link", func(t *testing.T) {
			w := newInstalling(t)
			w.write("victim", "victim")
			require.NoError(t, link(filepath.Join(w.dir, "victim"), filepath.Join(w.dir, w.partOf("app").name)))
			require.NoError(t, w.install("app", InstallOptions{}))
			w.has("app")
			data, err := os.ReadFile(filepath.Join(w.dir, "victim"))
			require.NoError(t, err)
			require.Equal(t, "victim", string(data))
		})
	}
}

// Who has another name for a file can still change it after it was verified. So
// a file that is right, but shared, is replaced by one of our own.
func TestInstallDoesNotTakeAHardLinkForVerified(t *testing.T) {
	w := newInstalling(t)
	w.write("victim", string(w.networks.target))
	require.NoError(t, os.Link(filepath.Join(w.dir, "victim"), filepath.Join(w.dir, "app")))
	require.NoError(t, w.install("app", InstallOptions{}))
	w.write("victim", "changed afterwards")
	w.has("app")
	require.Len(t, w.a.Log(), 1)
	require.NoError(t, w.install("app", InstallOptions{}))
	require.Len(t, w.a.Log(), 1, "one of our own is not downloaded again")
}

func (w *installing) link(to, name string) {
	w.Helper()
	full := filepath.Join(w.dir, name)
	require.NoError(w, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(w, os.Symlink(to, full))
}
