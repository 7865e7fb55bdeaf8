package verify_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.3.3c: where no new root is taken, a stored one that is newer cannot be reached, and that is the limit's doing.
func TestNoRootsAreTaken(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{Root: repo.Metadata()["2.root.json"]}, repo.Now(), verify.Options{Limits: verify.Limits{MaxRootRotations: -1}})
	require.NoError(t, err)
	var limit *verify.LimitError
	require.ErrorAs(t, s.Run(nil, repo.Metadata().Source()), &limit)
	require.Equal(t, &verify.LimitError{Role: "root", What: "roots in one cycle", Max: -1, Got: 0}, limit)
}

// The limit on new roots does not lock out a program that was shipped with an
// old anchor: roots up to the stored one were counted when they were new.
func TestRootLimitAndStoredRoots(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for range 9 {
		repo.PublishOnly("root")
	}
	store := verifytest.Store{}
	for want := int64(4); want <= 10; want += 3 {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{Limits: verify.Limits{MaxRootRotations: 3}})
		require.NoError(t, err)
		require.NoError(t, s.Run(store, repo.Metadata().Source()))
		require.Equal(t, want, s.Version("root"))
	}
}

// G6: a listed length lowers the limit, to nothing if it is nothing, up to the limit itself and not beyond.
func TestListedLengthIsTheLimit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	size := int64(len(repo.Metadata()[repo.FileName("snapshot")]))
	meet := func(length, limit int64) (*verify.Session, verify.Request) {
		repo.Edit("timestamp", nil)
		repo.Edit("timestamp", func(signed map[string]any) {
			info := signed["meta"].(map[string]any)["snapshot.json"].(map[string]any)
			delete(info, "length")
			if length >= 0 {
				info["length"] = length
			}
		})
		repo.PublishOnly("timestamp")
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Limits: verify.Limits{MaxSnapshotBytes: limit}})
		require.NoError(t, err)
		for {
			b, more := s.Next()
			if !more {
				return s, verify.Request{}
			}
			for _, req := range b.Fetch {
				if req.Role == "snapshot" {
					return s, req
				}
				if data, ok := repo.Metadata()[req.Path]; ok {
					require.NoError(t, s.Provide(req.ID, data))
				} else {
					require.NoError(t, s.NotFound(req.ID))
				}
			}
		}
	}
	data := repo.Metadata()[repo.FileName("snapshot")]
	s, req := meet(0, 0)
	require.Zero(t, req.MaxBytes)
	require.ErrorIs(t, s.Provide(req.ID, []byte("x")), roles.ErrLength)
	s, req = meet(size, size)
	require.Equal(t, size, req.MaxBytes)
	require.NoError(t, s.Provide(req.ID, data))
	s, req = meet(size, size-1)
	require.Zero(t, req)
	require.ErrorIs(t, s.Err(), verify.ErrLimit)
	s, req = meet(-1, -1)
	require.ErrorIs(t, s.Provide(req.ID, nil), verify.ErrLimit, "nothing is taken")
}

// Decision 12: what was not decided is not called absent.
func TestLookupLimit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	next := repo.Targets()
	for i := range 5 {
		next = next.Delegate(verifytest.Delegation{Name: fmt.Sprint("r", i), Paths: []string{"*"}})
	}
	next.AddTarget("x", nil)
	repo.Publish()
	for limit := 1; limit <= 7; limit++ {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Limits: verify.Limits{MaxDelegations: limit}})
		require.NoError(t, err)
		l := s.Lookup("x")
		require.NoError(t, s.Run(nil, repo.Metadata().Source()))
		_, err = l.Target()
		if limit < 6 {
			require.ErrorIs(t, err, verify.ErrLimit)
			require.NotErrorIs(t, err, verify.ErrNoTarget)
			require.Len(t, l.Trail(), limit)
		} else {
			require.NoError(t, err)
		}
	}
}

// A delegator cannot make a lookup hold much: no more roles wait than the
// lookup may visit.
func TestManyMatchingDelegations(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for i := range 2000 {
		repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprint("r", i), Paths: []string{"*"}, Keys: []*verifytest.Key{repo.Key("all")}})
	}
	repo.Publish()
	_, err := newClient(t, repo).lookup("x")
	require.ErrorIs(t, err, verify.ErrLimit)
}
