package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A read-only view has an update without a network, until what is saved
// expires. It changes nothing, and what is not saved does not look saved.
func TestFolderReadOnly(t *testing.T) {
	ctx, repo := t.Context(), seeded("ours", verifytest.Options{})
	f := storeOf(t, repo)
	before := contents(t, f.Path())
	opened, err := OpenReadOnly(f.Path())
	require.NoError(t, err)
	for _, store := range []verify.Store{opened, f.ReadOnly()} {
		offline := func(now time.Time, saveTo verify.Store) (*verify.Lookup, error) {
			s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), now, verify.Options{})
			require.NoError(t, err)
			app := s.Lookup("app")
			return app, s.Run(ctx, saveTo, verify.StoreSource(store))
		}
		for _, saveTo := range []verify.Store{nil, store} {
			app, err := offline(repo.Now(), saveTo)
			require.NoError(t, err)
			target, err := app.Target()
			require.NoError(t, err)
			require.NoError(t, target.Check([]byte("ours")))
			_, err = offline(repo.Now().AddDate(20, 0, 0), saveTo)
			require.ErrorIs(t, err, verify.ErrExpired)
		}

		_, locks := store.(verify.Locker)
		require.False(t, locks)
		require.NoError(t, store.Save(ctx, record("targets.json", before["targets.json"])), "it is there")
		err := store.Save(ctx, record("targets.json", "another"))
		require.ErrorIs(t, err, ErrReadOnly)
		require.Equal(t, verify.KindStore, verify.KindOf(err))
		require.ErrorIs(t, store.Save(ctx, record("x", "")), ErrReadOnly)
	}
	require.Equal(t, before, contents(t, f.Path()))
}
