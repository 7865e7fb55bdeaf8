package cachedir_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/verify"
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
	_, err := d.Load(context.Background(), "timestamp.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, text := range []string{"one", "a longer two", "", "3"} {
		require.NoError(t, d.Save(context.Background(), verify.Record{StoreName: "timestamp.json", Data: []byte(text)}))
		data, err := d.Load(context.Background(), "timestamp.json")
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
	require.Equal(t, []string{"timestamp.json"}, list(t, d), "there is no other file")
}

func TestNamesStayInside(t *testing.T) {
	d := open(t)
	for _, name := range []string{"", ".", "..", "../x.json", "a/x.json", "/x.json", ".lock"} {
		require.Error(t, d.Save(context.Background(), verify.Record{StoreName: name}), name)
		_, err := d.Load(context.Background(), name)
		require.Error(t, err, name)
	}
	require.Empty(t, list(t, d))
}

func TestLargeFilesAreNotRead(t *testing.T) {
	d := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(d.Path(), "root.json"), nil, 0o600))
	require.NoError(t, os.Truncate(filepath.Join(d.Path(), "root.json"), 1<<40))
	_, err := d.Load(context.Background(), "root.json")
	require.ErrorContains(t, err, "larger than the limit")
}

func TestReadersSeeOneVersionOrTheOther(t *testing.T) {
	d := open(t)
	versions := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 50_000)}
	require.NoError(t, d.Save(context.Background(), verify.Record{StoreName: "x.json", Data: versions[0]}))
	var wait sync.WaitGroup
	for i := range 2 {
		wait.Go(func() {
			for range 20 {
				if err := d.Save(context.Background(), verify.Record{StoreName: "x.json", Data: versions[i]}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		data, err := d.Load(context.Background(), "x.json")
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
			unlock, err := d.Lock(context.Background())
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

	unlock, err := d.Lock(context.Background())
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = d.Lock(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// What is not a regular file is not opened: a pipe may block forever.
func TestNotAFile(t *testing.T) {
	dir, err := cachedir.Open(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir.Path(), "timestamp.json"), 0o700))
	_, err = dir.Load(context.Background(), "timestamp.json")
	require.ErrorContains(t, err, "not a file")
	require.NotErrorIs(t, err, fs.ErrNotExist)
}
