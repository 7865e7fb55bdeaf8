package verify_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The store is no source: it does not say what does not exist
// (docs/decisions.md, "Who is asked and who may say no").
func TestStoreIsNoSource(t *testing.T) {
	repo := small()
	store := verifytest.Store{}
	require.NoError(t, newClient(t, repo).session.Run(context.Background(), store, repo.Metadata().Source()))

	// The store in the place of a mirror: what it does not have may exist.
	s := resume(t, repo, store)
	l := s.Lookup("top")
	err := s.Run(context.Background(), store, func(ctx context.Context, r verify.Request) ([]byte, error) {
		return store.Load(ctx, r.StoreName)
	})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
	_, err = l.Target()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, verify.ErrNoTarget)

	// No source at all: nothing is said not to exist, and nothing is found.
	require.ErrorContains(t, resume(t, repo, store).Run(context.Background(), store), "there is no live source")

	// A store may return nonsense. It is no answer, and does not say no.
	nonsense := loadFunc(func(string) ([]byte, error) { return []byte("nonsense"), nil })
	require.NoError(t, resume(t, repo, nonsense).Run(context.Background(), nonsense, repo.Metadata().Source()))

	// What came from the store is not saved again.
	rec := newRecorder(store)
	require.NoError(t, resume(t, repo, store).Run(context.Background(), rec, repo.Metadata().Source()))
	require.Empty(t, rec.records)
}

// R-5.3.3b: only a live source ends the chain of roots. Without one, it does
// not end.
func TestRunWithoutSources(t *testing.T) {
	c := newClient(t, verifytest.New(verifytest.Options{}))
	err := c.session.Run(context.Background(), verifytest.Store{})
	var fetch *verify.FetchError
	require.ErrorAs(t, err, &fetch)
	require.Equal(t, "root", fetch.Request.Role)
	require.ErrorContains(t, err, "there is no live source")
}

// Run asks the sources in order, and no further than the first that has the
// file. Its errors say which source failed, if there are several, and whether
// the source's file was rejected.
func TestRunAsksInOrder(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	corrupt := func(_ context.Context, req verify.Request) ([]byte, error) {
		if req.Role == "timestamp" {
			return []byte("x"), nil
		}
		return repo.Metadata().Source()(context.Background(), req)
	}
	err := newClient(t, repo).session.Run(context.Background(), nil, corrupt)
	require.ErrorContains(t, err, "could not be fetched: rejected: ")
	require.NotContains(t, err.Error(), "no live source")
	err = newClient(t, repo).session.Run(context.Background(), nil, corrupt, corrupt)
	require.ErrorContains(t, err, "source 2 of 2: rejected: ")
	onlyOptional := func(_ context.Context, req verify.Request) ([]byte, error) {
		require.True(t, req.Optional, "%s", req.Path)
		return nil, verify.ErrNotAtSource
	}
	require.NoError(t, newClient(t, repo).session.Run(context.Background(), nil, repo.Metadata().Source(), onlyOptional))
}

// a store is not asked for a file that only a live source may answer
// for, and data that it returns with an error is not used.
func TestRunAsksTheStoreForSavedFilesOnly(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	mirror := repo.Metadata().Source()
	asked := map[string]bool{}
	live := func(_ context.Context, req verify.Request) ([]byte, error) {
		asked[req.Role] = true
		return mirror(context.Background(), req)
	}
	saved := verifytest.Store{
		"snapshot.json": fileOf(repo, "snapshot"), "targets.json": fileOf(repo, "targets"),
	}
	store := loadFunc(func(name string) ([]byte, error) {
		require.NotEmpty(t, name)
		return saved[name], fs.ErrPermission
	})
	require.NoError(t, resume(t, repo, store).Run(context.Background(), store, live))
	for _, role := range topLevel {
		require.True(t, asked[role], role)
	}
}

// R4: a file does not exist only if every source says so; the next root too,
// with Options.EverySource.
func TestNotAtSourceNeedsEverySource(t *testing.T) {
	repo := small()
	strict := verify.Options{EverySource: true}
	s := newSession(t, repo, verify.Stored{}, strict)
	err := s.Run(context.Background(), nil, repo.Metadata().Source(), down)
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
	require.EqualError(t, err, "2.root.json could not be fetched: source 1 of 2: verifytest: 2.root.json: "+
		"not found at the source; source 2 of 2: connection refused")
	require.Zero(t, s.ChainEnd())
	var source *verify.SourceError
	require.ErrorAs(t, err, &source)
	require.Equal(t, 1, source.Source)
	lost := repo.Metadata().Clone()
	delete(lost, "timestamp.json")
	for _, o := range []verify.Options{{}, strict} {
		s = newSession(t, repo, verify.Stored{}, o)
		err = s.Run(context.Background(), nil, lost.Source(), lost.Source())
		require.ErrorIs(t, err, verify.ErrNotAtSource, "here all of them say so")
		require.ErrorContains(t, err, "source 2 of 2: verifytest: timestamp.json")
		timestampDown := func(ctx context.Context, req verify.Request) ([]byte, error) {
			if req.Role == "timestamp" {
				return down(ctx, req)
			}
			return lost.Source()(ctx, req)
		}
		s = newSession(t, repo, verify.Stored{}, o)
		err = s.Run(context.Background(), nil, lost.Source(), timestampDown)
		require.NotErrorIs(t, err, verify.ErrNotAtSource, "here only some of them do")
		require.ErrorAs(t, err, &source)
		require.Equal(t, 1, source.Source)
	}
}

func down(context.Context, verify.Request) ([]byte, error) {
	return nil, errors.New("connection refused")
}
