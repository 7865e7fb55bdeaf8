package client

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// One file is damaged in some way. The others still protect against an older
// state, and the next update repairs the folder; a directory it reports until
// somebody removes it. No file elsewhere is changed.
func TestFolderOfDamagedFiles(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
	damages := map[string]func(t *testing.T, path string){
		"gone":  func(*testing.T, string) {},
		"empty": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"junk":  func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("{]"), 0o600)) },
		"cut": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(`{"signed": {"_type": "root", "vers`), 0o600))
		},
		"large": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Truncate(path, MaxFolderFile+1))
		},
		"hard link": func(t *testing.T, path string) { require.NoError(t, os.Link(elsewhere, path)) },
		"directory": func(t *testing.T, path string) { require.NoError(t, os.MkdirAll(filepath.Join(path, "x"), 0o700)) },
	}
	if runtime.GOOS != "windows" { // where links need a privilege
		damages["link"] = func(t *testing.T, path string) { require.NoError(t, os.Symlink(elsewhere, path)) }
		damages["dangling link"] = func(t *testing.T, path string) { require.NoError(t, os.Symlink(elsewhere+"x", path)) }
	}
	for _, name := range []string{"root.json", "2.root.json", "timestamp.json", "snapshot.json", "targets.json"} {
		for damage, do := range damages {
			t.Run(name+" "+damage, func(t *testing.T) {
				ctx, repo := t.Context(), seeded("ours", verifytest.Options{})
				old := repo.Metadata().Clone()
				repo.Rotate("root", 1, verifytest.NewKey("ed25519", "second"))
				repo.Targets().AddTarget("app", []byte("a newer one"))
				repo.Publish()
				f := storeOf(t, repo)
				path := filepath.Join(f.Path(), name)
				require.NoError(t, os.Remove(path))
				do(t, path)

				_, err := f.Adopt(ctx, repo.TrustedRoot())
				require.NoError(t, err)
				s, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), old)
				warned := errors.Is(errors.Join(s.Warnings()...), verify.ErrStoredFile)
				require.Equal(t, name == "root.json" || name == "timestamp.json" || name == "snapshot.json", warned)
				if damage != "directory" || name == "targets.json" {
					require.ErrorIs(t, err, verify.ErrRollback)
				}
				require.Error(t, err)
				_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
				if damage == "directory" {
					require.ErrorIs(t, err, ErrNotAFile)
					require.ErrorContains(t, err, path+" could not be saved: not a file: it is a directory")
					require.NoError(t, os.RemoveAll(path))
				} else {
					require.NoError(t, err)
				}
				for range 2 {
					s, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
					require.NoError(t, err)
				}
				require.Empty(t, s.Warnings())
				data, err := os.ReadFile(elsewhere)
				require.NoError(t, err)
				require.Equal(t, "mine", string(data))
			})
		}
	}
}

// Some tools link files instead of copying them: backups, read-only images.
// Such a file is read, so that rollback protection is not lost, and a save
// leaves the other name's content alone.
func TestFolderReadsHardLinks(t *testing.T) {
	ctx, repo := t.Context(), seeded("ours", verifytest.Options{})
	old := repo.Metadata().Clone()
	repo.Publish()
	f, backup := storeOf(t, repo), t.TempDir()
	for name := range contents(t, f.Path()) {
		require.NoError(t, os.Link(filepath.Join(f.Path(), name), filepath.Join(backup, name)))
	}
	before := contents(t, backup)
	_, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), old)
	require.ErrorIs(t, err, verify.ErrRollback)
	repo.Publish()
	s, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	require.Empty(t, s.Warnings())
	require.Equal(t, before, contents(t, backup))
}

// The lock file is not opened through a link, and nothing is created where it
// leads.
func TestFolderLockIsNoLink(t *testing.T) {
	for _, name := range []string{"missing", "present"} {
		f := newTestFolder(t)
		elsewhere := filepath.Join(t.TempDir(), name)
		if name == "present" {
			require.NoError(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
		}
		require.NoError(t, os.Symlink(elsewhere, filepath.Join(f.Path(), lockName)))
		err := f.Save(t.Context(), record("root.json", "x"))
		require.ErrorIs(t, err, ErrNotAFile)
		require.ErrorContains(t, err, filepath.Join(f.Path(), lockName)+
			" could not be locked: not a file: it is a symbolic link")
		_, err = os.Stat(elsewhere)
		require.Equal(t, name == "present", err == nil)
		require.Equal(t, []string{lockName}, inFolder(t, f.Path()))
	}
	f := newTestFolder(t)
	require.NoError(t, os.Mkdir(filepath.Join(f.Path(), lockName), 0o700))
	require.ErrorIs(t, f.Save(t.Context(), record("root.json", "x")), ErrNotAFile)
}

// The folder itself may be a link: it is where the user wants it.
func TestFolderMayBeALink(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "disk"), 0o700))
	require.NoError(t, os.Symlink("disk", filepath.Join(dir, "store")))
	f, err := OpenFolder(filepath.Join(dir, "store"))
	require.NoError(t, err)
	require.NoError(t, f.Save(t.Context(), record("root.json", "x")))
	require.True(t, bytes.Equal([]byte("x"), []byte(contents(t, filepath.Join(dir, "disk"))["root.json"])))
}
