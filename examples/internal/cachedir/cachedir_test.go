package cachedir_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	_ verify.Store  = (*cachedir.Dir)(nil)
	_ verify.Locker = (*cachedir.Dir)(nil)
)

func open(t *testing.T) *cachedir.Dir {
	t.Helper()
	d, err := cachedir.Open(filepath.Join(t.TempDir(), "created", "if necessary"))
	require.NoError(t, err)
	return d
}

func list(t *testing.T, d *cachedir.Dir) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(d.Path())
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSaveAndLoad(t *testing.T) {
	d := open(t)
	_, err := d.Load(t.Context(), "timestamp.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, text := range []string{"one", "a longer two", "", "3"} {
		require.NoError(t, d.Save(t.Context(), verify.Record{StoreName: "timestamp.json", Data: []byte(text)}))
		data, err := d.Load(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
	require.Equal(t, []string{"timestamp.json"}, list(t, d), "there is no other file")
}

func TestNamesStayInside(t *testing.T) {
	d := open(t)
	for _, name := range []string{"", ".", "..", "../x.json", "a/x.json", "/x.json", ".lock"} {
		require.Error(t, d.Save(t.Context(), verify.Record{StoreName: name}), name)
		_, err := d.Load(t.Context(), name)
		require.Error(t, err, name)
	}
	require.Empty(t, list(t, d))
}

func TestLargeFilesAreNotRead(t *testing.T) {
	d := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "root.json"), nil, 0o600))
	require.NoError(t, os.Truncate(filepath.Join(d.Path(), "root.json"), 1<<40))
	_, err := d.Load(t.Context(), "root.json")
	require.ErrorContains(t, err, "larger than the limit")
}

func TestReadersSeeOneVersionOrTheOther(t *testing.T) {
	d := open(t)
	versions := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 50_000)}
	require.NoError(t, d.Save(t.Context(), verify.Record{StoreName: "x.json", Data: versions[0]}))
	var wait sync.WaitGroup
	for i := range 2 {
		wait.Go(func() {
			for range 20 {
				if err := d.Save(t.Context(), verify.Record{StoreName: "x.json", Data: versions[i]}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		data, err := d.Load(t.Context(), "x.json")
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, versions[0]) || bytes.Equal(data, versions[1]))
	}
	wait.Wait()
}

func TestLock(t *testing.T) {
	d := open(t)
	require.Empty(t, list(t, d), "no lock file unless it is asked for")
	var inside, most atomic.Int32
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			unlock, err := d.Lock(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			most.Store(max(most.Load(), inside.Add(1)))
			time.Sleep(5 * time.Millisecond)
			inside.Add(-1)
			unlock()
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, most.Load())

	unlock, err := d.Lock(t.Context())
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = d.Lock(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// What is not a regular file is not opened: a pipe may block forever.
func TestNotAFile(t *testing.T) {
	dir, err := cachedir.Open(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir.Path(), "timestamp.json"), 0o700))
	_, err = dir.Load(t.Context(), "timestamp.json")
	require.ErrorContains(t, err, "not a file")
	require.NotErrorIs(t, err, fs.ErrNotExist)
}

// What killed processes left is removed once, under the lock.
func TestSweep(t *testing.T) {
	d := open(t)
	left := filepath.Join(d.Path(), ".tufwalk-x.part")
	for _, want := range []bool{false, true} { // true: it may be a write in progress
		require.NoError(t, os.WriteFile(left, nil, 0o600))
		unlock, err := d.Lock(t.Context())
		require.NoError(t, err)
		unlock()
		_, err = os.Stat(left)
		require.Equal(t, want, err == nil)
	}
}

func TestAgain(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		errs []error // of one update after another
		want error
	}{
		{[]error{nil}, nil},
		{[]error{other}, other},
		{[]error{verify.ErrSuperseded, nil}, nil},
		{[]error{verify.ErrSuperseded, verify.ErrSuperseded, verify.ErrSuperseded, other}, other},
		{slices.Repeat([]error{verify.ErrSuperseded}, 4), verify.ErrSuperseded},
	} {
		calls := 0
		err := cachedir.Again(func() error {
			calls++
			return c.errs[calls-1]
		})
		require.Equal(t, c.want, err)
		require.Len(t, c.errs, calls)
	}
}

// Two sessions share a directory. The slower one must not save over the newer
// files of the other.
func TestTwoSessions(t *testing.T) {
	ctx, d, repo := t.Context(), open(t), verifytest.New(verifytest.Options{})
	begin := func() *verify.Session {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, d), repo.Now(), verify.Options{})
		require.NoError(t, err)
		return s
	}
	slow, old := begin(), repo.Metadata().Clone()
	repo.Publish()
	require.NoError(t, begin().Run(ctx, d, repo.Metadata().Source()))
	require.ErrorIs(t, slow.Run(ctx, d, old.Source()), verify.ErrSuperseded)
	newest := begin()
	require.NoError(t, newest.Run(ctx, d, repo.Metadata().Source()))
	require.Empty(t, newest.Warnings())
	names := []string{
		".lock", "1.root.json", "root.json", "snapshot.json", "targets.json", "timestamp.json",
	}
	require.Equal(t, names, list(t, d))
}
