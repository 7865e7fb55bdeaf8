package verify_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// offlineRun looks a path up with the store as the only source.
func offlineRun(
	t *testing.T, repo *verifytest.Repo, store verify.Store, path string,
) (*verify.Session, *verify.Lookup, error) {
	t.Helper()
	s := resume(t, repo, store)
	l := s.Lookup(path)
	return s, l, s.Run(context.Background(), store, verify.StoreSource(store))
}

// An update from what is saved alone finds what was found before, until it has
// expired, and nothing else.
func TestUpdateFromTheStoreAlone(t *testing.T) {
	repo := sharedPair()
	repo.PublishOnly("root")
	store := verifytest.Store{}
	_, _, err := offlineRun(t, repo, store, "a/x")
	require.ErrorIs(t, err, verify.ErrNotAtSource, "nothing is saved")

	requireFound(t, "a", search(t, resume(t, repo, store), store, "a/x", repo.Metadata()))
	saved := len(store)
	s, l, err := offlineRun(t, repo, store, "a/x")
	require.NoError(t, err)
	requireFound(t, "a", l)
	require.EqualValues(t, 2, s.Version("root"))
	require.Empty(t, s.Warnings())
	require.Len(t, store, saved)

	_, l, err = offlineRun(t, repo, store, "a/y") // a saved copy does not confirm itself
	require.NoError(t, err)
	requireNo(t, false, l)

	_, l, err = offlineRun(t, repo, store, "b/y") // the file of b was never fetched
	require.NoError(t, err)
	_, err = l.Target()
	require.ErrorIs(t, err, verify.ErrNotAtSource)
	require.NotErrorIs(t, err, verify.ErrNoTarget)

	repo.Advance(24 * time.Hour)
	_, _, err = offlineRun(t, repo, store, "a/x")
	require.ErrorIs(t, err, verify.ErrExpired)
}

// A store that cannot replace a file offers the newest one, in whatever order
// it has them all.
func TestUpdateFromCandidatesAlone(t *testing.T) {
	repo := sharedPair()
	store := newestFirst{bucket{}}
	for range 3 {
		requireFound(t, "a", search(t, resume(t, repo, store), store, "a/x", repo.Metadata()))
		repo.Publish()
	}
	require.Len(t, store.bucket["timestamp.json"], 3)
	s, l, err := offlineRun(t, repo, store, "a/x")
	require.NoError(t, err)
	requireFound(t, "a", l)
	require.Equal(t, storedVersions(t, store)["timestamp"], s.Version("timestamp"))
}

// newestFirst is a bucket that returns the file first that was saved last.
type newestFirst struct{ bucket }

func (b newestFirst) LoadAll(_ context.Context, name string) ([][]byte, error) {
	files := slices.Clone(b.bucket[name])
	slices.Reverse(files)
	return files, nil
}

// What is saved is judged like anything else.
func TestDamagedStoreAlone(t *testing.T) {
	repo := sharedPair()
	store := verifytest.Store{}
	search(t, resume(t, repo, store), store, "a/x", repo.Metadata())
	for name, body := range store {
		damaged := verifytest.Store{}
		for other, b := range store {
			damaged[other] = b
		}
		damaged[name] = body[:len(body)/2]
		_, l, err := offlineRun(t, repo, damaged, "a/x")
		if name == "root.json" || name == "1.root.json" { // the trusted root is the caller's
			require.NoError(t, err, name)
			requireFound(t, "a", l)
			continue
		}
		if err == nil {
			_, err = l.Target()
		}
		require.Error(t, err, name)
	}
}
