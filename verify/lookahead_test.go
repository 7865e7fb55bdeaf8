package verify_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// withRoots returns a published repository with so many roots.
func withRoots(n int) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	for range n - 1 {
		repo.PublishOnly("root")
	}
	repo.Publish()
	return repo
}

// delegateAll has the top-level targets role delegate all paths without a slash
// to each of the roles.
func delegateAll(repo *verifytest.Repo, names ...string) {
	for _, name := range names {
		delegate(repo.Targets(), name, "*")
	}
}

// parallelClient fetches all files of a batch at the same time, and notes what
// it fetched together.
type parallelClient struct {
	*testing.T
	repo    *verifytest.Repo
	session *verify.Session
	rounds  [][]string // the paths of each round
}

func newParallelClient(t *testing.T, repo *verifytest.Repo, lookahead int) *parallelClient {
	t.Helper()
	s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: lookahead})
	return &parallelClient{T: t, repo: repo, session: s}
}

// fetchAll answers all requests, one round after the other, and the requests of
// a round in reverse. It returns the number of rounds.
func (c *parallelClient) fetchAll() int {
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
			answer(c, c.session, c.repo.Metadata(), req)
		}
		if round != nil {
			c.rounds = append(c.rounds, round)
		}
	}
}

// A request ahead does not hold anything up. An answer to a request that is no
// longer needed is no mistake.
func TestAheadIsNotWaitedFor(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegateAll(repo, "a", "b", "c")
	repo.Role("a").AddTarget("x", []byte("1"))
	repo.PublishOnly("root")
	repo.Publish()
	c := newParallelClient(t, repo, 2)
	b, _ := c.session.Next()
	answer(t, c.session, repo.Metadata(), b.Fetch[0])
	answer(t, c.session, repo.Metadata(), b.Fetch[1])
	b, _ = c.session.Next()
	third, fourth := b.Fetch[0], b.Fetch[1]
	require.Equal(t, []bool{false, true}, []bool{third.Ahead, fourth.Ahead})
	require.NoError(t, c.session.NotFound(third.ID))
	require.NotContains(t, c.session.Outstanding(), fourth)
	require.NoError(t, c.session.Fail(fourth.ID, errDisk), "no longer needed")
	require.ErrorIs(t, c.session.Fail(fourth.ID, errDisk), verify.ErrRequest, "but only once")
	c.fetchAll()

	l := c.session.Lookup("x")
	b, _ = c.session.Next()
	require.Len(t, b.Fetch, 3)
	answer(t, c.session, repo.Metadata(), b.Fetch[0])
	require.NoError(t, c.session.Err(), "no open request is needed")
	b2, _ := c.session.Next()
	require.Equal(t, []*verify.Lookup{l}, b2.Done)
	require.NoError(t, c.session.Fail(b.Fetch[2].ID, errDisk))
	require.NoError(t, c.session.Err())
	require.Equal(t, []verify.Request{b.Fetch[1]}, c.session.Outstanding())
	c.session = renew(t, c.session, repo.Now()) // requests ahead may stay open
	require.ErrorIs(t, c.session.Provide(b.Fetch[1].ID, nil), verify.ErrRequest)
	require.Equal(t, 1, c.fetchAll())

	// A role that failed ahead ends a lookup that reaches it, and no other.
	found, lost := c.session.Lookup("x"), c.session.Lookup("y")
	b, _ = c.session.Next()
	paths := []string{b.Fetch[0].Path, b.Fetch[1].Path}
	require.Equal(t, []string{"1.b.json", "1.c.json"}, paths, "y needs b, and perhaps c")
	require.NoError(t, c.session.Fail(b.Fetch[1].ID, errDisk))
	answer(t, c.session, repo.Metadata(), b.Fetch[0])
	c.fetchAll()
	_, err := found.Target()
	require.NoError(t, err)
	_, err = lost.Target()
	require.ErrorIs(t, err, errDisk)
}

// Run gains nothing from lookahead. It must not fetch what is no longer needed,
// and it must save what replaces a bad copy.
func TestRunAhead(t *testing.T) {
	repo := withRoots(6)
	store := verifytest.Store{}
	run := func() (asked []string) {
		s := newSession(t, repo, verify.LoadStored(context.Background(), store), verify.Options{Lookahead: 64})
		require.NoError(t, s.Run(context.Background(), store, func(_ context.Context, r verify.Request) ([]byte, error) {
			asked = append(asked, r.Path)
			return repo.Metadata().Source()(context.Background(), r)
		}))
		return asked
	}
	cold := run()
	require.Equal(t, []string{
		"2.root.json", "3.root.json", "4.root.json", "5.root.json", "6.root.json", "7.root.json",
		"timestamp.json",
	}, cold[:7], "Run fetches nothing before it is needed, and no root beyond the one that does not exist: %v", cold)
	require.Len(t, cold, 9)
	store["4.root.json"] = store["3.root.json"]
	require.Equal(t, []string{"4.root.json", "7.root.json", "timestamp.json"},
		slices.Sorted(slices.Values(run())))
	require.Equal(t, repo.Metadata()["4.root.json"], store["4.root.json"])
	require.Equal(t, []string{"7.root.json", "timestamp.json"}, run(), "saved roots come first")
}

// An answer that came ahead counts when its turn comes, and not before. That
// holds for a failure too (docs/decisions.md, "Files asked for ahead").
func TestFailureAheadWaitsForItsTurn(t *testing.T) {
	s := newSession(t, withRoots(1), verify.Stored{}, verify.Options{Lookahead: 8})
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

// An answer to a request that is no longer needed is accepted once, whatever it
// is, and changes nothing.
func TestAnswersThatAreNotNeededMeanNothing(t *testing.T) {
	for name, reply := range map[string]func(*verify.Session, verify.RequestID) error{
		"body": func(s *verify.Session, id verify.RequestID) error {
			return s.Provide(id, make([]byte, 1_000_000))
		},
		"not found": func(s *verify.Session, id verify.RequestID) error { return s.NotFound(id) },
		"failed":    func(s *verify.Session, id verify.RequestID) error { return s.Fail(id, errDisk) },
	} {
		repo := withRoots(3)
		s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 8})
		var missing []verify.Request
		for b, _ := s.Next(); len(b.Fetch) > 0; b, _ = s.Next() {
			for _, req := range b.Fetch {
				if _, ok := repo.Metadata()[req.Path]; ok {
					answer(t, s, repo.Metadata(), req)
				} else {
					missing = append(missing, req)
				}
			}
		}
		require.Equal(t, "4.root.json", missing[0].Path)
		require.NoError(t, s.NotFound(missing[0].ID))
		spare := missing[1:]
		require.NotEmpty(t, spare)
		s.Next()
		version, open := s.Version("root"), s.Outstanding()
		for _, req := range spare {
			require.NoError(t, reply(s, req.ID), name)
			require.ErrorIs(t, reply(s, req.ID), verify.ErrRequest, name)
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
	delegateAll(repo, "a", "b")
	repo.Publish()
	s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 8})
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	s.Lookup("x")
	b, _ := s.Next()
	require.Len(t, b.Fetch, 2)
	require.False(t, b.Fetch[0].Ahead)
	require.True(t, b.Fetch[1].Ahead)
	answer(t, s, repo.Metadata(), b.Fetch[0])
	require.ErrorIs(t, s.Err(), verify.ErrInProgress)
	require.False(t, s.Outstanding()[0].Ahead)
	answer(t, s, repo.Metadata(), b.Fetch[1])
	require.NoError(t, s.Err())
}

// withStoredRoots begins a session that knows twenty stored roots, and returns
// its first requests.
func withStoredRoots(
	t *testing.T, o verify.Options,
) (*verifytest.Repo, *verify.Session, []verify.Request) {
	t.Helper()
	repo := withRoots(21)
	s := newSession(t, repo, verify.Stored{Root: [][]byte{fileOf(repo, "root")}}, o)
	b, _ := s.Next()
	return repo, s, b.Fetch
}

// A request that is no longer needed before it is handed out is never handed
// out.
func TestRequestsThatAreNotNeededAreNotHandedOut(t *testing.T) {
	repo, s, requests := withStoredRoots(t, verify.Options{Lookahead: 64})
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

// A role that could not be fetched is not asked for ahead again and again
// during one lookup.
func TestFailedAheadIsNotAskedForAgain(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegateAll(repo, "a", "b", "c")
	repo.Publish()
	c := newParallelClient(t, repo, 8)
	c.fetchAll()
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

// An update that fails drops its requests ahead. Whether they were answered or
// not, they take no room in the next update.
func TestFailedUpdateDropsRequestsAhead(t *testing.T) {
	for _, answered := range []bool{true, false} {
		repo := withRoots(1)
		timestamp := repo.Metadata()["timestamp.json"]
		limits := verify.Limits{MaxAheadBytes: int64(len(timestamp))}
		s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 1, Limits: limits})
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
			s = renew(t, s, repo.Now())
		}
		c := &parallelClient{T: t, repo: repo, session: s}
		require.Equal(t, 3, c.fetchAll(), "the timestamp is asked for once: %v", c.rounds)
	}
}

// The next update begins with no requests ahead, whatever the last one left
// open; that one stays as it is.
func TestRenewBeginsWithNothingAhead(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegateAll(repo, "role0", "role1", "role2", "role3")
	repo.Role("role1").AddTarget("x", []byte("1"))
	repo.Publish()
	c := newParallelClient(t, repo, 1)
	c.fetchAll()
	l := c.session.Lookup("x")
	b, _ := c.session.Next()
	require.Len(t, b.Fetch, 2)
	for _, req := range b.Fetch {
		answer(t, c.session, repo.Metadata(), req)
	}
	require.NoError(t, c.session.Err(), "role2 is asked for ahead, and not handed out yet")
	old := c.session
	c.session = renew(t, old, repo.Now())
	b, _ = old.Next()
	require.Equal(t, []*verify.Lookup{l}, b.Done)
	b, _ = c.session.Next()
	require.Len(t, b.Fetch, 2, "the next root, and the timestamp ahead: %v", b.Fetch)
	require.Equal(t, []bool{false, true}, []bool{b.Fetch[0].Ahead, b.Fetch[1].Ahead})
	require.Equal(t, "timestamp", b.Fetch[1].Role)
	require.Len(t, c.session.Outstanding(), 2)
}

// The next update knows none of the requests of the last one, also none that
// were no longer needed.
func TestRenewKnowsNoOldRequests(t *testing.T) {
	repo := withRoots(1)
	s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 1})
	b, _ := s.Next()
	require.NoError(t, s.Fail(b.Fetch[0].ID, errDisk))
	s = renew(t, s, repo.Now())
	require.ErrorIs(t, s.Provide(b.Fetch[1].ID, nil), verify.ErrRequest)
}
