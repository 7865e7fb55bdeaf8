package client

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var errDisk = errors.New("the disk is broken")

// The content reaches the disk before the rename, and the rename before Save
// returns: power may fail at any time. A new folder reaches it before all.
func TestFolderOrder(t *testing.T) {
	dir := t.TempDir()
	var trace []string
	f, err := openFolder(filepath.Join(dir, "a", "b"), disk{step: func(op, name string) error {
		if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsAbs(name) {
			name = filepath.ToSlash(rel)
		}
		if isTemp.MatchString(name) {
			name = "temporary file"
		}
		trace = append(trace, op+" "+name)
		return nil
	}})
	require.NoError(t, err)
	require.NoError(t, f.Save(t.Context(), record("root.json", "text")))
	require.Equal(t, []string{
		"make directory a/b", "sync directory a", "sync directory .",
		"lock .lock", "locked .lock",
		"create temporary file", "write temporary file", "sync temporary file", "rename root.json",
		"sync directory a/b",
	}, trace)
}

// Each operation fails. The old record is there, or the new one if the failure
// came after the rename; nothing else; and the error says which file of which
// folder.
func TestFolderEachStepFails(t *testing.T) {
	for _, broken := range []string{"lock", "locked", "create", "write", "sync", "rename", "sync directory"} {
		t.Run(broken, func(t *testing.T) {
			fails := false
			f, err := openFolder(t.TempDir(), disk{step: func(op, _ string) error {
				if fails && op == broken {
					return errDisk
				}
				return nil
			}})
			require.NoError(t, err)
			require.NoError(t, f.Save(t.Context(), record("root.json", "old text")))
			fails = true
			err = f.Save(t.Context(), record("root.json", "new text"))
			require.ErrorIs(t, err, errDisk)
			require.ErrorContains(t, err, f.Path())
			require.Equal(t, verify.KindStore, verify.KindOf(err))
			require.Equal(t, []string{lockName, "root.json"}, inFolder(t, f.Path()))
			data, err := f.Load(t.Context(), "root.json")
			require.NoError(t, err)
			want := "old text"
			if broken == "sync directory" { // the rename is done, but a crash may undo it
				want = "new text"
			}
			require.Equal(t, want, string(data))
			fails = false
			require.NoError(t, f.Save(t.Context(), record("root.json", "new text")), "no lock is left")
		})
	}
	for _, broken := range []string{"make directory", "sync directory"} {
		_, err := openFolder(filepath.Join(t.TempDir(), "new"), disk{step: func(op, _ string) error {
			if op == broken {
				return errDisk
			}
			return nil
		}})
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, "new could not be opened")
	}
}

// What cannot be removed is swept another time.
func TestFolderTemporaryFileStays(t *testing.T) {
	fails := true
	step := func(op, _ string) error {
		if fails && (op == "rename" || op == "remove") {
			return errDisk
		}
		return nil
	}
	f, err := openFolder(t.TempDir(), disk{step: step})
	require.NoError(t, err)
	require.ErrorIs(t, f.Save(t.Context(), record("root.json", "x")), errDisk)
	require.Len(t, inFolder(t, f.Path()), 2)
	for _, fails = range []bool{true, false} {
		next, err := openFolder(f.Path(), disk{step: step})
		require.NoError(t, err)
		unlock, err := next.Lock(t.Context())
		require.NoError(t, err)
		unlock()
	}
	require.Equal(t, []string{lockName}, inFolder(t, f.Path()))
}

// A directory that cannot be synced on this file system is no failure.
func TestFolderWithoutSyncOfDirectories(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, dir.Close())
	require.ErrorIs(t, disk{}.sync(dir), os.ErrClosed, "any other failure is one")
	for _, err := range []error{syscall.EINVAL, syscall.ENOTSUP} {
		require.True(t, cannotSync(err), err)
	}
	require.False(t, cannotSync(syscall.EIO))
	require.False(t, cannotSync(nil))
}

// A full disk is said once, with the folder's name, and the record that was
// there stays (injected; see TestFolderOnFullDisk for a real one).
func TestFolderSaysFullDiskOnce(t *testing.T) {
	for _, where := range []string{"create", "write", "sync"} {
		full := false
		f, err := openFolder(filepath.Join(t.TempDir(), "store"), disk{step: func(op, _ string) error {
			if full && op == where {
				return syscall.ENOSPC
			}
			return nil
		}})
		require.NoError(t, err)
		repo := verifytest.New(verifytest.Options{})
		_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
		repo.Publish()
		full = true
		_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
		mustSayOnce(t, err, f.Path(), syscall.ENOSPC)
		full = false
		_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
	}
}

// mustSayOnce requires an error that says what the matter is with a folder,
// without repeating itself.
func mustSayOnce(t require.TestingT, err error, folder string, cause error) {
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, verify.ErrSave)
	require.Equal(t, verify.KindStore, verify.KindOf(err))
	at := new(FolderError)
	require.ErrorAs(t, err, &at)
	require.Equal(t, folder, at.Folder)
	require.Equal(t, 1, strings.Count(err.Error(), cause.Error()), err)
	require.Equal(t, 1, strings.Count(err.Error(), folder), err)
	require.NotContains(t, err.Error(), tempSuffix, "a name that the user does not know")
}
