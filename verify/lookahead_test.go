package verify_test

import (
	"fmt"
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

// traveller is a caller who fetches whatever is asked for together, and counts
// how often it had to wait.
type traveller struct {
	*testing.T
	repo    *verifytest.Repo
	session *verify.Session
	rounds  [][]string // what was fetched together
}

func travel(t *testing.T, repo *verifytest.Repo, lookahead int) *traveller {
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: lookahead})
	require.NoError(t, err)
	return &traveller{T: t, repo: repo, session: s}
}

// arrive answers all requests, round by round, the answers of a round in
// reverse, and returns the number of rounds.
func (c *traveller) arrive() int {
	c.rounds = nil
	for {
		b, ok := c.session.Next()
		if !ok {
			require.NoError(c, c.session.Err())
			return len(c.rounds)
		}
		require.Empty(c, b.Rejected)
		var round []string
		for _, req := range slices.Backward(b.Fetch) {
			round = append(round, req.Path)
			if data, ok := c.repo.Metadata()[req.Path]; ok {
				require.NoError(c, c.session.Provide(req.ID, data))
			} else {
				require.NoError(c, c.session.NotFound(req.ID))
			}
		}
		if round != nil {
			c.rounds = append(c.rounds, round)
		}
	}
}

// What is ahead holds nothing up, and an answer that comes when nobody needs it
// any more is no mistake.
func TestAheadIsNotWaitedFor(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for _, name := range []string{"a", "b", "c"} {
		repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}})
	}
	repo.Role("a").AddTarget("x", []byte("1"))
	repo.PublishOnly("root")
	repo.Publish()
	c := travel(t, repo, 2)
	answer := func(req verify.Request) { require.NoError(t, c.session.Provide(req.ID, repo.Metadata()[req.Path])) }
	b, _ := c.session.Next()
	answer(b.Fetch[0])
	answer(b.Fetch[1])
	b, _ = c.session.Next()
	third, fourth := b.Fetch[0], b.Fetch[1]
	require.Equal(t, []bool{false, true}, []bool{third.Ahead, fourth.Ahead})
	require.NoError(t, c.session.NotFound(third.ID))
	require.NotContains(t, c.session.Outstanding(), fourth)
	require.NoError(t, c.session.Fail(fourth.ID, errDisk), "too late to matter")
	require.ErrorIs(t, c.session.Fail(fourth.ID, errDisk), verify.ErrRequest, "but once")
	c.arrive()

	l := c.session.Lookup("x")
	b, _ = c.session.Next()
	require.Len(t, b.Fetch, 3)
	answer(b.Fetch[0])
	require.NoError(t, c.session.Err(), "nothing is open that is needed")
	b2, _ := c.session.Next()
	require.Equal(t, []*verify.Lookup{l}, b2.Done)
	require.NoError(t, c.session.Fail(b.Fetch[2].ID, errDisk))
	require.NoError(t, c.session.Err())
	require.Equal(t, []verify.Request{b.Fetch[1]}, c.session.Outstanding())
	require.NoError(t, c.session.Refresh(repo.Now()), "what is ahead may be left open")
	require.ErrorIs(t, c.session.Provide(b.Fetch[1].ID, nil), verify.ErrRequest)
	require.Equal(t, 1, c.arrive())

	// A role that failed ahead ends the search that comes to it, and no other.
	found, lost := c.session.Lookup("x"), c.session.Lookup("y")
	b, _ = c.session.Next()
	require.Equal(t, []string{"1.b.json", "1.c.json"}, []string{b.Fetch[0].Path, b.Fetch[1].Path}, "y needs b, and perhaps c")
	require.NoError(t, c.session.Fail(b.Fetch[1].ID, errDisk))
	answer(b.Fetch[0])
	c.arrive()
	_, err := found.Target()
	require.NoError(t, err)
	_, err = lost.Target()
	require.ErrorIs(t, err, errDisk)
}

// Run makes nothing of lookahead, but it must not fetch what is no longer
// wanted, nor leave unsaved what takes the place of a bad copy.
func TestRunAhead(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for range 5 {
		repo.PublishOnly("root")
	}
	repo.Publish()
	store := verifytest.Store{}
	run := func() (asked []string) {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{Lookahead: 64})
		require.NoError(t, err)
		require.NoError(t, s.Run(store, func(r verify.Request) ([]byte, error) {
			asked = append(asked, r.Path)
			return repo.Metadata().Source()(r)
		}))
		return asked
	}
	cold := run()
	require.Equal(t, []string{"2.root.json", "timestamp.json", "3.root.json", "4.root.json", "5.root.json", "6.root.json", "7.root.json"}, cold[:7],
		"and nothing that was asked for beyond the one that does not exist: %v", cold)
	require.Len(t, cold, 9)
	store["4.root.json"] = store["3.root.json"]
	require.Equal(t, []string{"4.root.json", "7.root.json", "timestamp.json"}, slices.Sorted(slices.Values(run())))
	require.Equal(t, repo.Metadata()["4.root.json"], store["4.root.json"])
	require.Equal(t, []string{"timestamp.json", "7.root.json"}, run(), "saved roots first, and what is ahead as it comes")
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

// A new cycle begins with nothing ahead, whatever the last one left open.
func TestRefreshForgetsWhatIsAhead(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for i := range 4 {
		repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprint("role", i), Paths: []string{"*"}})
	}
	repo.Role("role1").AddTarget("x", []byte("1"))
	repo.Publish()
	c := travel(t, repo, 1)
	c.arrive()
	l := c.session.Lookup("x")
	b, _ := c.session.Next()
	require.Len(t, b.Fetch, 2)
	for _, req := range b.Fetch {
		require.NoError(t, c.session.Provide(req.ID, repo.Metadata()[req.Path]))
	}
	require.NoError(t, c.session.Err(), "role2 was asked for ahead, and nobody has been told yet")
	require.NoError(t, c.session.Refresh(repo.Now()))
	b, _ = c.session.Next()
	require.Equal(t, []*verify.Lookup{l}, b.Done)
	require.Len(t, b.Fetch, 2, "the next root, and the timestamp ahead: %v", b.Fetch)
	require.Equal(t, []bool{false, true}, []bool{b.Fetch[0].Ahead, b.Fetch[1].Ahead})
	require.Equal(t, "timestamp", b.Fetch[1].Role)
	require.Len(t, c.session.Outstanding(), 2)
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
