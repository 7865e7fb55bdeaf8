package verify_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestDecision1TheCacheIsNoMirror(t *testing.T) {
	repo := small()
	store := verifytest.Store{}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))

	// The cache in the place of a mirror: it has no word on what exists.
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	l := s.Lookup("top")
	err = s.Run(store, func(r verify.Request) ([]byte, error) { return store.Load(r.StoreName) })
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
	_, err = l.Target()
	require.Error(t, err)

	// No live source at all: nothing is said not to exist, and nothing is
	// found.
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorContains(t, s.Run(store), "there is no live source")

	// A store may return nonsense: it is no answer, and does not say no.
	nonsense := storeFunc(func(name string) ([]byte, error) { return []byte("nonsense"), nil })
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(nonsense.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(nonsense, repo.Metadata().Source()))

	// One live source does not know, another fails: the file may exist.
	s, err = verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	broken := func(verify.Request) ([]byte, error) { return nil, errors.New("timeout") }
	require.ErrorContains(t, s.Run(nil, repo.Metadata().Source(), broken), "not found at the source; source 2 of 2: timeout")

	// What came from the store is not saved again.
	saves := 0
	counting := countingStore{store, &saves}
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(counting, repo.Metadata().Source()))
	require.Zero(t, saves)
}

// R-5.3.3b: the chain of roots ends by the word of a live source, and not for
// want of one.
func TestRunWithoutSources(t *testing.T) {
	c := newClient(t, verifytest.New(verifytest.Options{}))
	err := c.session.Run(verifytest.Store{})
	var fetch *verify.FetchError
	require.ErrorAs(t, err, &fetch)
	require.Equal(t, "root", fetch.Request.Role)
	require.ErrorContains(t, err, "there is no live source")
}

// What Run says of its sources: which one, unless there is only one, and
// whether it was rejected; those behind one that has the file are not asked.
func TestRunAsksInOrder(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	spoiled := func(req verify.Request) ([]byte, error) {
		if req.Role == "timestamp" {
			return []byte("x"), nil
		}
		return repo.Metadata().Source()(req)
	}
	err := newClient(t, repo).session.Run(nil, spoiled)
	require.ErrorContains(t, err, "could not be had: rejected: ")
	require.NotContains(t, err.Error(), "no live source")
	err = newClient(t, repo).session.Run(nil, spoiled, spoiled)
	require.ErrorContains(t, err, "source 2 of 2: rejected: ")
	err = newClient(t, repo).session.Run(nil, repo.Metadata().Source(), func(req verify.Request) ([]byte, error) {
		require.True(t, req.Optional, "%s", req.Path)
		return nil, verify.ErrNotAtSource
	})
	require.NoError(t, err)
}

// a store is not asked for what only a live source may answer, and
// what comes with an error is not taken.
func TestRunAsksTheStoreForSavedFilesOnly(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	mirror := repo.Metadata().Source()
	asked := map[string]bool{}
	live := func(req verify.Request) ([]byte, error) {
		asked[req.Role] = true
		return mirror(req)
	}
	saved := verifytest.Store{"snapshot.json": repo.Metadata()[repo.FileName("snapshot")], "targets.json": repo.Metadata()[repo.FileName("targets")]}
	require.NoError(t, newClient(t, repo).session.Run(loader(func(name string) ([]byte, error) {
		require.NotEmpty(t, name)
		return saved[name], fs.ErrPermission
	}), live))
	require.Equal(t, map[string]bool{"root": true, "timestamp": true, "snapshot": true, "targets": true}, asked)
}

// The word of one mirror that a file does not exist is not the word of all.
func TestErrAbsentIsUnanimous(t *testing.T) {
	repo := small()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	down := func(verify.Request) ([]byte, error) { return nil, errors.New("connection refused") }
	err = s.Run(nil, repo.Metadata().Source(), down)
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
	require.ErrorContains(t, err, "not found at the source")
	var source *verify.SourceError
	require.ErrorAs(t, err, &source)
	require.Equal(t, 1, source.Source)
	lost := repo.Metadata().Clone()
	delete(lost, "timestamp.json")
	require.NoError(t, s.Refresh(repo.Now()))
	err = s.Run(nil, lost.Source(), lost.Source())
	require.ErrorIs(t, err, verify.ErrNotAtSource, "here all of them say so")
	require.ErrorContains(t, err, "source 2 of 2: verifytest: timestamp.json")
}
