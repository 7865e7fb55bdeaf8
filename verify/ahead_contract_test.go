package verify_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// ahead begins a session that knows of twenty saved roots, and returns its
// first requests.
func ahead(t *testing.T, o verify.Options) (*verifytest.Repo, *verify.Session, []verify.Request) {
	repo := verifytest.New(verifytest.Options{})
	for range 20 {
		repo.PublishOnly("root")
	}
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{Root: repo.Metadata()["21.root.json"]}, repo.Now(), o)
	require.NoError(t, err)
	b, _ := s.Next()
	return repo, s, b.Fetch
}

// Options.Lookahead: at most so many requests are open that are ahead, and as
// many as that where so much is known.
func TestLookaheadIsBounded(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		repo, s, _ := ahead(t, verify.Options{Lookahead: n})
		for steps := 0; s.Version("root") < 20; steps++ {
			early := 0
			var needed verify.Request
			for _, req := range s.Outstanding() {
				if req.Ahead {
					early++
				} else {
					needed = req
				}
			}
			require.Equal(t, n, early, "after %d answers", steps)
			require.NoError(t, s.Provide(needed.ID, repo.Metadata()[needed.Path]))
			s.Next()
			if s.Version("root") > int64(20-n) {
				break // there is no more to know
			}
		}
	}
}

// Limits.MaxAheadBytes: room that an answer took is free again when its turn
// has come, so that nothing is asked for twice.
func TestAheadRoomIsUsedAgain(t *testing.T) {
	first, _, _ := ahead(t, verify.Options{})
	room := 0
	for _, data := range first.Metadata() {
		room = max(room, len(data))
	}
	room = 2*room + len(first.Metadata()["timestamp.json"]) // which waits for the end of the chain, beside two roots
	repo, s, requests := ahead(t, verify.Options{Lookahead: 2, Limits: verify.Limits{MaxAheadBytes: int64(room)}})
	asked := map[string]int{}
	for len(requests) > 0 {
		for i := range requests {
			req := requests[len(requests)-1-i]
			asked[req.Path]++
			if data, ok := repo.Metadata()[req.Path]; ok {
				require.NoError(t, s.Provide(req.ID, data))
			} else {
				require.NoError(t, s.NotFound(req.ID))
			}
		}
		b, _ := s.Next()
		requests = b.Fetch
	}
	require.NoError(t, s.Err())
	for path, n := range asked {
		require.Equal(t, 1, n, path)
	}
}

// Decision 17: an answer that came ahead counts when its turn comes, and not
// before: that there is none, too.
func TestFailureAheadWaitsForItsTurn(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	b, _ := s.Next()
	require.Len(t, b.Fetch, 2)
	root, timestamp := b.Fetch[0], b.Fetch[1]
	require.Equal(t, "timestamp", timestamp.Role)
	require.NoError(t, s.Fail(timestamp.ID, errDisk))
	require.ErrorIs(t, s.Err(), verify.ErrInProgress)
	require.Len(t, s.Outstanding(), 1)
	require.NoError(t, s.NotFound(root.ID))
	require.ErrorIs(t, s.Err(), errDisk)
	b, _ = s.Next()
	require.Empty(t, b.Fetch, "it is not asked for again")
}

// An answer to a request that is not needed any more is taken once, whatever it
// is, and changes nothing.
func TestAnswersThatAreNotNeededMeanNothing(t *testing.T) {
	for name, answer := range map[string]func(*verify.Session, verify.RequestID) error{
		"body":   func(s *verify.Session, id verify.RequestID) error { return s.Provide(id, make([]byte, 1_000_000)) },
		"absent": func(s *verify.Session, id verify.RequestID) error { return s.NotFound(id) },
		"failed": func(s *verify.Session, id verify.RequestID) error { return s.Fail(id, errDisk) },
	} {
		repo := verifytest.New(verifytest.Options{})
		repo.PublishOnly("root")
		repo.PublishOnly("root")
		repo.Publish()
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
		require.NoError(t, err)
		var none []verify.Request
		for {
			b, _ := s.Next()
			for _, req := range b.Fetch {
				if data, ok := repo.Metadata()[req.Path]; ok {
					require.NoError(t, s.Provide(req.ID, data))
				} else {
					none = append(none, req)
				}
			}
			if len(b.Fetch) == 0 {
				break
			}
		}
		require.Equal(t, "4.root.json", none[0].Path)
		require.NoError(t, s.NotFound(none[0].ID))
		spare := none[1:]
		require.NotEmpty(t, spare)
		s.Next()
		version, open := s.Version("root"), s.Outstanding()
		for _, req := range spare {
			require.NoError(t, answer(s, req.ID), name)
			require.ErrorIs(t, answer(s, req.ID), verify.ErrRequest, name)
		}
		require.Equal(t, version, s.Version("root"))
		require.Equal(t, open, s.Outstanding())
		_, more := s.Next()
		require.False(t, more, name)
		require.ErrorIs(t, s.Err(), verify.ErrInProgress)
	}
}

// A role that was asked for ahead and is needed now is waited for.
func TestAheadIsNeededInTheEnd(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for _, name := range []string{"a", "b"} {
		repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}})
	}
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
	s.Lookup("x")
	b, _ := s.Next()
	require.Len(t, b.Fetch, 2)
	require.False(t, b.Fetch[0].Ahead)
	require.True(t, b.Fetch[1].Ahead)
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()[b.Fetch[0].Path]))
	require.ErrorIs(t, s.Err(), verify.ErrInProgress)
	require.False(t, s.Outstanding()[0].Ahead)
	require.NoError(t, s.Provide(b.Fetch[1].ID, repo.Metadata()[b.Fetch[1].Path]))
	require.NoError(t, s.Err())
}

// A request that is not needed any more before it was handed out never is.
func TestRequestsThatAreNotNeededAreNotHandedOut(t *testing.T) {
	repo, s, requests := ahead(t, verify.Options{Lookahead: 64})
	for _, req := range requests {
		if data, ok := repo.Metadata()[req.Path]; ok && req.Role == "root" {
			require.NoError(t, s.Provide(req.ID, data))
		}
	}
	for _, req := range requests {
		if req.Path == "22.root.json" {
			require.NoError(t, s.NotFound(req.ID))
		}
	}
	b, _ := s.Next()
	require.Empty(t, b.Fetch, "the timestamp was asked for already")
	require.Len(t, s.Outstanding(), 1)
}

// There is no version after the greatest one, and so nothing to ask for ahead.
func TestNoRootAfterTheLast(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	var anchor []byte
	for v := range int64(4) {
		repo.SetVersion("root", math.MaxInt64-3+v)
		repo.PublishOnly("root")
		if v == 0 {
			anchor = repo.Metadata()[repo.FileName("root")]
		}
	}
	repo.Publish()
	s, err := verify.New(anchor, verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	c := &traveller{T: t, repo: repo, session: s}
	c.arrive()
	require.EqualValues(t, math.MaxInt64, s.Version("root"))
	require.Equal(t, [][]string{
		{"timestamp.json", "9223372036854775805.root.json"},
		{"9223372036854775807.root.json", "9223372036854775806.root.json"}, {"2.snapshot.json"}, {"1.targets.json"},
	}, c.rounds)

	// Also where the last but one has been taken before the answer for the last
	// one comes.
	s, err = verify.New(anchor, verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	for b, more := s.Next(); more; b, more = s.Next() {
		for _, req := range b.Fetch {
			require.GreaterOrEqual(t, req.Version, int64(0), req.Path)
		}
		open := s.Outstanding()
		if i := slices.IndexFunc(open, func(r verify.Request) bool { return !r.Ahead }); i >= 0 {
			require.NoError(t, s.Provide(open[i].ID, repo.Metadata()[open[i].Path]))
		}
	}
	require.EqualValues(t, math.MaxInt64, s.Version("root"))

	s, err = verify.New(repo.Metadata()[repo.FileName("root")], verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	b, _ := s.Next()
	require.Len(t, b.Fetch, 1)
	require.Equal(t, "timestamp.json", b.Fetch[0].Path)
	require.False(t, b.Fetch[0].Ahead)
}

// However late the stored root is, or says that it is, those on the way to it
// are asked for ahead.
func TestRootsToAnyStoredOne(t *testing.T) {
	for _, v := range []int64{1000, math.MaxInt64 - 300, math.MaxInt64 - 200, math.MaxInt64} {
		repo := verifytest.New(verifytest.Options{})
		repo.Publish()
		repo.SetVersion("root", v)
		repo.PublishOnly("root")
		stored := verify.Stored{Root: repo.Metadata()[repo.FileName("root")]}
		s, err := verify.New(repo.TrustedRoot(), stored, repo.Now(), verify.Options{Lookahead: 8})
		require.NoError(t, err)
		b, _ := s.Next()
		require.Len(t, b.Fetch, 1+8, "%d", v)
	}
}

// A role that could not be had is not asked for ahead over and over while the
// search is under way.
func TestFailedAheadIsNotAskedForAgain(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for _, name := range []string{"a", "b", "c"} {
		repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}})
	}
	repo.Publish()
	c := travel(t, repo, 8)
	c.arrive()
	l := c.session.Lookup("x")
	b, _ := c.session.Next()
	require.Len(t, b.Fetch, 3)
	require.NoError(t, c.session.Fail(b.Fetch[2].ID, errDisk))
	require.NoError(t, c.session.Provide(b.Fetch[0].ID, repo.Metadata()["1.a.json"]))
	more, _ := c.session.Next()
	require.Empty(t, more.Fetch)
	require.NoError(t, c.session.Provide(b.Fetch[1].ID, repo.Metadata()["1.b.json"]))
	c.session.Next()
	_, err := l.Target()
	require.ErrorIs(t, err, errDisk)
}

// A cycle that ends early gives up what is ahead: whether it was answered or
// not, it takes no room in the next one.
func TestFailedCycleGivesUpWhatIsAhead(t *testing.T) {
	for _, answered := range []bool{true, false} {
		repo := verifytest.New(verifytest.Options{})
		repo.Publish()
		timestamp := repo.Metadata()["timestamp.json"]
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 1, Limits: verify.Limits{MaxAheadBytes: int64(len(timestamp))}})
		require.NoError(t, err)
		for range 2 {
			b, _ := s.Next()
			require.Len(t, b.Fetch, 2)
			if answered {
				require.NoError(t, s.Provide(b.Fetch[1].ID, timestamp))
			}
			require.NoError(t, s.Fail(b.Fetch[0].ID, errDisk))
			require.ErrorIs(t, s.Err(), errDisk)
			require.Empty(t, s.Outstanding())
			if !answered {
				require.NoError(t, s.Provide(b.Fetch[1].ID, timestamp), "too late")
			}
			require.NoError(t, s.Refresh(repo.Now()))
		}
		c := &traveller{T: t, repo: repo, session: s}
		require.Equal(t, 3, c.arrive(), "the timestamp is asked for once: %v", c.rounds)
	}
}

// A new cycle forgets the requests of the last one, also those that were not
// needed any more.
func TestRefreshForgetsWhatWasNotNeeded(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 1})
	require.NoError(t, err)
	b, _ := s.Next()
	require.NoError(t, s.Fail(b.Fetch[0].ID, errDisk))
	require.NoError(t, s.Refresh(repo.Now()))
	require.ErrorIs(t, s.Provide(b.Fetch[1].ID, nil), verify.ErrRequest)
}

// What is not needed any more counts towards Lookahead no longer, and does so
// once.
func TestAnswersThatAreNotNeededMakeNoRoom(t *testing.T) {
	repo, s, requests := ahead(t, verify.Options{Lookahead: 4})
	for i := range 12 {
		repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprint("role", i), Paths: []string{"*"}})
	}
	repo.Publish()
	var spare []verify.Request
	for len(requests) > 0 {
		for _, req := range requests {
			if data, ok := repo.Metadata()[req.Path]; ok {
				require.NoError(t, s.Provide(req.ID, data))
			} else {
				spare = append(spare, req)
			}
		}
		b, _ := s.Next()
		requests = b.Fetch
	}
	require.Greater(t, len(spare), 1)
	for _, req := range spare {
		require.NoError(t, s.NotFound(req.ID), req.Path)
	}
	c := &traveller{T: t, repo: repo, session: s}
	c.arrive()
	s.Lookup("x")
	c.arrive()
	require.Len(t, c.rounds[0], 1+4, "%v", c.rounds)
}
