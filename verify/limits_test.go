package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.3.3c: where no new root is accepted, a newer stored one cannot be
// reached. The error says that the limit is the reason.
func TestNoNewRootsAllowed(t *testing.T) {
	repo := withRoots(2)
	o := verify.Options{Limits: verify.Limits{MaxRootRotations: -1}}
	s := newSession(t, repo, verify.Stored{Root: [][]byte{fileOf(repo, "root")}}, o)
	var limit *verify.LimitError
	require.ErrorAs(t, s.Run(context.Background(), nil, repo.Metadata().Source()), &limit)
	require.Equal(t, &verify.LimitError{Role: "root", What: "new roots in one update", Max: -1, Got: 0}, limit)
}

// The limit of new roots does not lock out a program that was shipped with an
// old root: the roots up to the stored one were counted when they were new.
func TestRootLimitAndStoredRoots(t *testing.T) {
	repo := withRoots(10)
	store := verifytest.Store{}
	for want := int64(4); want <= 10; want += 3 {
		o := verify.Options{Limits: verify.Limits{MaxRootRotations: 3}}
		s := newSession(t, repo, verify.LoadStored(context.Background(), store), o)
		require.NoError(t, s.Run(context.Background(), store, repo.Metadata().Source()))
		require.Equal(t, want, s.Version("root"))
	}
}

// G6: a listed length lowers the limit, even to zero. It may be as
// high as the limit, and no higher.
func TestListedLengthIsTheLimit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	data := fileOf(repo, "snapshot")
	size := int64(len(data))
	// ask goes on to the request for the snapshot, if there is one.
	ask := func(length, limit int64) (*verify.Session, verify.Request) {
		repo.Edit("timestamp", nil)
		repo.Edit("timestamp", func(signed object) {
			info := signed["meta"].(object)["snapshot.json"].(object)
			delete(info, "length")
			if length >= 0 {
				info["length"] = length
			}
		})
		repo.PublishOnly("timestamp")
		o := verify.Options{Limits: verify.Limits{MaxSnapshotBytes: limit}}
		s := newSession(t, repo, verify.Stored{}, o)
		for {
			b, more := s.Next()
			if !more {
				return s, verify.Request{}
			}
			for _, req := range b.Fetch {
				if req.Role == "snapshot" {
					return s, req
				}
				answer(t, s, repo.Metadata(), req)
			}
		}
	}
	s, req := ask(0, 0)
	require.Zero(t, req.MaxBytes)
	require.ErrorIs(t, s.Provide(req.ID, []byte("x")), roles.ErrLength)
	s, req = ask(size, size)
	require.Equal(t, size, req.MaxBytes)
	require.NoError(t, s.Provide(req.ID, data))
	s, req = ask(size, size-1)
	require.Zero(t, req)
	require.ErrorIs(t, s.Err(), verify.ErrLimit)
	s, req = ask(-1, -1)
	require.ErrorIs(t, s.Provide(req.ID, nil), verify.ErrLimit, "nothing is accepted")
}

// A lookup that reached a limit does not say that there is no such target
// (docs/decisions.md, "Not found, limit reached and undecided").
func TestLookupLimit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	next := repo.Targets()
	for i := range 5 {
		next = delegate(next, fmt.Sprint("r", i), "*")
	}
	next.AddTarget("x", nil)
	repo.Publish()
	for limit := 1; limit <= 7; limit++ {
		o := verify.Options{Limits: verify.Limits{MaxDelegations: limit}}
		s := newSession(t, repo, verify.Stored{}, o)
		l := s.Lookup("x")
		require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
		_, err := l.Target()
		if limit < 6 {
			require.ErrorIs(t, err, verify.ErrLimit)
			require.NotErrorIs(t, err, verify.ErrNoTarget)
			require.Len(t, l.Trail(), limit)
		} else {
			require.NoError(t, err)
		}
	}
}

// A lookup with more matching roles than it may visit is undecided. That no
// more of them wait is tested in package delegation.
func TestManyMatchingDelegations(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for i := range 2000 {
		delegate(repo.Targets(), fmt.Sprint("r", i), "*", repo.Key("all"))
	}
	repo.Publish()
	_, err := newClient(t, repo).lookup("x")
	require.ErrorIs(t, err, verify.ErrLimit)
}

// R-T21.4: the default limits have room for the longest keys and signatures:
// two for a timestamp, and ten for a root that replaces ten other keys.
func TestLimitsHaveRoomForMLDSA(t *testing.T) {
	const scheme = "ml-dsa-87/1"
	repo := verifytest.New(verifytest.Options{Scheme: scheme})
	repo.Targets().AddTarget("x", nil)
	for _, generation := range []string{"old", "new"} {
		var ten []*verifytest.Key
		for i := range 10 {
			ten = append(ten, repo.Key(fmt.Sprint(generation, i)))
		}
		repo.Rotate("root", 10, ten...)
		repo.Rotate("timestamp", 2, ten[:2]...)
		repo.Publish()
	}
	for role, signatures := range map[string]int{"root": 20, "timestamp": 2} {
		require.Greater(t, len(fileOf(repo, role)), signatures*9254, role)
	}
	target, err := newClient(t, repo).lookup("x")
	require.NoError(t, err)
	require.Equal(t, "targets", target.Role)
}
