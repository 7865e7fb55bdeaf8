package client

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestMemory(t *testing.T) {
	ctx, m, repo := t.Context(), NewMemory(), seeded("ours", verifytest.Options{})
	_, err := m.Load(ctx, "root.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	old := repo.Metadata().Clone()
	repo.Publish()
	for range 2 {
		s, err := updateFrom(ctx, m, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
		require.Empty(t, s.Warnings())
	}
	_, err = updateFrom(ctx, m, repo, repo.TrustedRoot(), old)
	require.ErrorIs(t, err, verify.ErrRollback)
	require.NoError(t, m.Forget(ctx))
	_, err = updateFrom(ctx, m, repo, repo.TrustedRoot(), old)
	require.NoError(t, err)
}

func TestMemoryCopies(t *testing.T) {
	ctx, m, data := t.Context(), NewMemory(), []byte("text")
	require.NoError(t, m.Save(ctx, verify.Record{StoreName: "root.json", Data: data}))
	clear(data)
	for range 2 {
		loaded, err := m.Load(ctx, "root.json")
		require.NoError(t, err)
		require.Equal(t, "text", string(loaded))
		clear(loaded)
	}
	require.NoError(t, m.Save(ctx, verify.Record{StoreName: "root.json"}))
	loaded, err := m.Load(ctx, "root.json")
	require.NoError(t, err)
	require.Empty(t, loaded)
}

func TestMemoryLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		var inside, most int // the lock guards them
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				unlock, err := m.Lock(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				most = max(most, inside)
				time.Sleep(time.Second)
				inside--
				unlock()
				unlock()
			})
		}
		wait.Wait()
		require.Equal(t, 1, most)

		unlock, err := m.Lock(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range 2 { // while it waits, and before
			_, err = m.Lock(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, m.Forget(ctx), context.DeadlineExceeded)
			require.ErrorIs(t, m.Save(ctx, record("root.json", "")), context.DeadlineExceeded)
		}
		unlock()
		unlock, err = m.Lock(t.Context())
		require.NoError(t, err)
		unlock()
	})
}
