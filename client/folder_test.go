package client

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	_ verify.Locker = (*Folder)(nil)
	_ verify.Locker = (*Memory)(nil)
)

func newTestFolder(t *testing.T) *Folder {
	t.Helper()
	f, err := OpenFolder(filepath.Join(t.TempDir(), "created", "if necessary"))
	require.NoError(t, err)
	return f
}

func record(name, text string) verify.Record {
	return verify.Record{StoreName: name, Data: []byte(text)}
}

// inFolder returns the names of the files in a folder.
func inFolder(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// updateFrom is a whole update, as a program makes it.
func updateFrom(
	ctx context.Context, store verify.Store, repo *verifytest.Repo, root []byte, files verifytest.Files,
) (*verify.Session, error) {
	s, err := verify.New(root, verify.LoadStored(ctx, store), repo.Now(), verify.Options{})
	if err != nil {
		return nil, err
	}
	return s, s.Run(ctx, store, files.Source())
}

func TestFolderSavesAndLoads(t *testing.T) {
	f := newTestFolder(t)
	_, err := f.Load(t.Context(), "timestamp.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, text := range []string{"one", "a longer two", "", "3"} {
		require.NoError(t, f.Save(t.Context(), record("timestamp.json", text)))
		data, err := f.Load(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
	require.Equal(t, []string{lockName, "timestamp.json"}, inFolder(t, f.Path()), "there is no other file")
	if runtime.GOOS == "windows" {
		return
	}
	for path, mode := range map[string]fs.FileMode{
		".": 0o700 | fs.ModeDir, "..": 0o700 | fs.ModeDir, lockName: 0o600, "timestamp.json": 0o600,
	} {
		info, err := os.Lstat(filepath.Join(f.Path(), path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), path)
	}
}

func TestFolderNames(t *testing.T) {
	f := newTestFolder(t)
	for _, name := range []string{
		"root.json", "7.root.json", "timestamp.json", "snapshot.json", "targets.json", "role.a%2fb_-=.json",
	} {
		require.NoError(t, f.Save(t.Context(), record(name, "x")), name)
	}
	before := inFolder(t, f.Path())
	for _, name := range []string{
		"", ".", "..", "../x.json", "a/root.json", "/root.json", lockName, "Root.json", "x.json", "role.A.json",
		"role..json/", `role.\.json`, "role." + strings.Repeat("a", 200) + ".json", "root.json\n", "set-aside-1",
		"12345678901234567890.root.json", tempPrefix + "x" + tempSuffix,
	} {
		err := f.Save(t.Context(), record(name, "x"))
		require.ErrorContains(t, err, "is not the name of a record", name)
		_, err = f.Load(t.Context(), name)
		require.ErrorContains(t, err, "is not the name of a record", name)
		require.NotErrorIs(t, err, fs.ErrNotExist)
	}
	require.Equal(t, before, inFolder(t, f.Path()))
}

func TestFolderPath(t *testing.T) {
	_, err := OpenFolder("")
	require.ErrorIs(t, err, errNoPath, "it would be the working directory")
	_, err = OpenReadOnly("")
	require.ErrorIs(t, err, errNoPath)

	dir := t.TempDir()
	t.Chdir(dir)
	f, err := OpenFolder("store")
	require.NoError(t, err)
	t.Chdir("..")
	require.NoError(t, f.Save(t.Context(), record("root.json", "x")))
	require.FileExists(t, filepath.Join(dir, "store", "root.json"))

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = OpenFolder(file)
	require.ErrorContains(t, err, file+" could not be opened: ")
	_, err = OpenReadOnly(file)
	require.ErrorContains(t, err, file+" could not be opened: ")
	_, err = OpenReadOnly(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, filepath.Join(dir, "missing"))
}

func TestFolderDoesNotReadLargeFiles(t *testing.T) {
	f := newTestFolder(t)
	path := filepath.Join(f.Path(), "root.json")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, 1<<40))
	_, err := f.Load(t.Context(), "root.json")
	require.ErrorContains(t, err, "root.json could not be loaded: the file is larger than the limit of 67108864 bytes")
	require.Equal(t, verify.KindStore, verify.KindOf(err))
	require.NoError(t, f.Save(t.Context(), record("root.json", "small")), "it can be replaced")
}

func TestFolderReadersSeeOneVersionOrTheOther(t *testing.T) {
	f := newTestFolder(t)
	versions := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 50_000)}
	require.NoError(t, f.Save(t.Context(), record("root.json", string(versions[0]))))
	var wait sync.WaitGroup
	for i := range 2 {
		wait.Go(func() {
			for range 20 {
				if err := f.Save(t.Context(), record("root.json", string(versions[i]))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		data, err := f.Load(t.Context(), "root.json")
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, versions[0]) || bytes.Equal(data, versions[1]))
	}
	wait.Wait()
}

// One folder, opened once or several times: there is one lock.
func TestFolderLock(t *testing.T) {
	f := newTestFolder(t)
	require.Empty(t, inFolder(t, f.Path()), "no lock file unless it is asked for")
	again, err := OpenFolder(f.Path())
	require.NoError(t, err)
	var inside atomic.Int32
	var wait sync.WaitGroup
	for _, folder := range []*Folder{f, f, again, again} {
		wait.Go(func() {
			for range 3 {
				unlock, err := folder.Lock(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) > 1 {
					t.Error("two of them are inside")
				}
				runtime.Gosched()
				inside.Add(-1)
				unlock()
				unlock() // more often means nothing
			}
		})
	}
	wait.Wait()

	unlock, err := f.Lock(t.Context())
	require.NoError(t, err)
	for _, folder := range []*Folder{f, again} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = folder.Lock(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, f.Path())
		require.Equal(t, verify.KindUnknown, verify.KindOf(err), "a context ended")
	}
	require.NoError(t, f.Save(t.Context(), record("root.json", "x")), "the holder of the lock saves under it")
	unlock()
	require.NoError(t, again.Save(t.Context(), record("root.json", "y")), "or Save takes it")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Save(ended, record("root.json", "z")), context.Canceled)
	data, err := f.Load(ended, "root.json")
	require.NoError(t, err, "a file that is there must not seem missing")
	require.Equal(t, "y", string(data))
}

// Save waits for the lock of another process.
func TestFolderSaveTakesTheLock(t *testing.T) {
	f := newTestFolder(t)
	other := flock.New(filepath.Join(f.Path(), lockName))
	require.NoError(t, other.Lock())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, f.Save(ctx, record("root.json", "x")), context.DeadlineExceeded)
	require.NoError(t, other.Unlock())
	require.NoError(t, f.Save(t.Context(), record("root.json", "x")))
}

// The lock file, or the whole folder, is removed and made anew while a process
// waits for the lock. It must not hold a lock that nobody else sees.
func TestFolderLockFileIsReplaced(t *testing.T) {
	for _, removed := range []string{lockName, "."} {
		t.Run(removed, func(t *testing.T) {
			replaced := 0
			var f *Folder
			f, err := openFolder(filepath.Join(t.TempDir(), "store"), disk{step: func(op, _ string) error {
				if op == "locked" && replaced < lockTries-1 {
					replaced++
					return os.RemoveAll(filepath.Join(f.Path(), removed))
				}
				return nil
			}})
			require.NoError(t, err)
			unlock, err := f.Lock(t.Context())
			require.NoError(t, err)
			require.Equal(t, lockTries-1, replaced)
			other, err := flock.New(filepath.Join(f.Path(), lockName)).TryLock()
			require.NoError(t, err)
			require.False(t, other, "it is the file that others see")
			require.NoError(t, f.Save(t.Context(), record("root.json", "x")))
			unlock()

			replaced = -1
			_, err = f.Lock(t.Context())
			require.ErrorIs(t, err, errLockReplaced)
			_, err = f.Lock(t.Context())
			require.NoError(t, err, "an error leaves no lock")
		})
	}
}

func TestFolderIsCreatedAgain(t *testing.T) {
	f := newTestFolder(t)
	require.NoError(t, f.Save(t.Context(), record("root.json", "x")))
	require.NoError(t, os.RemoveAll(filepath.Dir(f.Path())))
	_, err := f.Load(t.Context(), "root.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, f.Save(t.Context(), record("root.json", "y")))
	data, err := f.Load(t.Context(), "root.json")
	require.NoError(t, err)
	require.Equal(t, "y", string(data))
}

func TestFolderClose(t *testing.T) {
	f := newTestFolder(t)
	require.NoError(t, f.Save(t.Context(), record("root.json", "x")))
	view := f.ReadOnly()
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	_, err := f.Load(t.Context(), "root.json")
	require.ErrorIs(t, err, fs.ErrClosed)
	require.NotErrorIs(t, err, fs.ErrNotExist)
	_, err = view.Load(t.Context(), "root.json")
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, view.Save(t.Context(), record("root.json", "y")), fs.ErrClosed)
	require.ErrorIs(t, f.Save(t.Context(), record("root.json", "y")), fs.ErrClosed)
	_, err = f.Adopt(t.Context(), verifytest.New(verifytest.Options{}).TrustedRoot())
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, f.Forget(t.Context()), fs.ErrClosed)
}

// What killed processes left is removed once, under the lock, and nothing that
// only looks like it.
func TestFolderSweep(t *testing.T) {
	f := newTestFolder(t)
	ours := tempPrefix + strings.Repeat("A", 26) + tempSuffix
	others := []string{
		tempPrefix + "backup" + tempSuffix, tempPrefix + strings.Repeat("a", 26) + tempSuffix, ".tufwalk-notes",
		ours + ".keep", "x" + ours,
	}
	folder := tempPrefix + strings.Repeat("B", 26) + tempSuffix
	for _, name := range others {
		require.NoError(t, os.WriteFile(filepath.Join(f.Path(), name), nil, 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(f.Path(), folder, "precious"), 0o700))
	for _, want := range []bool{false, true} { // later, it is not ours to know
		require.NoError(t, os.WriteFile(filepath.Join(f.Path(), ours), nil, 0o600))
		unlock, err := f.Lock(t.Context())
		require.NoError(t, err)
		unlock()
		_, err = os.Stat(filepath.Join(f.Path(), ours))
		require.Equal(t, want, err == nil)
	}
	for _, name := range append(others, filepath.Join(folder, "precious")) {
		_, err := os.Stat(filepath.Join(f.Path(), name))
		require.NoError(t, err, name)
	}
}

// Locks do not work on every network file system. That is said, and nothing is
// saved.
func TestFolderLocksThatFail(t *testing.T) {
	for _, cause := range []error{syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.EIO, syscall.ESTALE} {
		f, err := openFolder(t.TempDir(), disk{step: func(op, _ string) error {
			if op == "lock" {
				return cause
			}
			return nil
		}})
		require.NoError(t, err)
		repo := verifytest.New(verifytest.Options{})
		_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, err, verify.ErrSave)
		require.NotErrorIs(t, err, ErrReadOnly)
		require.Equal(t, verify.KindStore, verify.KindOf(err))
		require.Equal(t, "a trusted file could not be saved: "+filepath.Join(f.Path(), lockName)+
			" could not be locked: "+cause.Error(), err.Error())
		require.Empty(t, inFolder(t, f.Path()))
	}
}

// Two sessions share a folder. The slower one must not save over the newer
// files of the other.
func TestFolderOfTwoSessions(t *testing.T) {
	ctx, f, repo := t.Context(), newTestFolder(t), verifytest.New(verifytest.Options{})
	slow, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, f), repo.Now(), verify.Options{})
	require.NoError(t, err)
	old := repo.Metadata().Clone()
	repo.Publish()
	_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	require.ErrorIs(t, slow.Run(ctx, f, old.Source()), verify.ErrSuperseded)
	newest, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	require.Empty(t, newest.Warnings())
	names := []string{lockName, "1.root.json", "root.json", "snapshot.json", "targets.json", "timestamp.json"}
	require.Equal(t, names, inFolder(t, f.Path()))
}
