package verify_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

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

// Decision 17: how often a caller has to wait who fetches together what is
// asked for together.
func TestRounds(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("top", []byte("1"))
	bins := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	bins.DelegateBins("bin", 256)
	used := map[byte]bool{}
	var paths []string
	for i := 0; len(paths) < 100; i++ {
		path := fmt.Sprint("file-", i)
		if bin := sha256.Sum256([]byte(path))[0]; !used[bin] {
			used[bin] = true
			bins.AddToBin(path, []byte("2"))
			paths = append(paths, path)
		}
	}
	repo.Publish()
	for lookahead, want := range map[int]struct{ cold, deep, many, refresh, roots int }{
		0:  {cold: 4, deep: 2, many: 1, refresh: 2, roots: 104},
		64: {cold: 3, deep: 2, many: 1, refresh: 1, roots: 9},
	} {
		c := travel(t, repo, lookahead)
		c.session.Lookup("top")
		require.Equal(t, want.cold, c.arrive(), "a cold start: %v", c.rounds)
		c.session.Lookup(paths[0])
		require.Equal(t, want.deep, c.arrive(), "one more for each level of delegation: %v", c.rounds)
		for _, path := range paths {
			c.session.Lookup(path)
		}
		require.Equal(t, want.many, c.arrive(), "100 targets in 100 bins: %v", c.rounds)
		require.Len(t, c.rounds[0], 99)
		require.NoError(t, c.session.Refresh(repo.Now()))
		require.Equal(t, want.refresh, c.arrive(), "an unchanged repository: %v", c.rounds)
	}
	for i := range 100 {
		repo.Rotate("root", 1, repo.Key(fmt.Sprint("root", i)))
		repo.PublishOnly("root")
	}
	for lookahead, want := range map[int]int{0: 104, 1: 53, 64: 9, 1000: 9} {
		c := travel(t, repo, lookahead)
		require.Equal(t, want, c.arrive(), "100 root rotations: %v", c.rounds)
		asked := 0
		for _, round := range c.rounds {
			asked += len(round)
		}
		require.Less(t, asked, 104+64)
	}
}

// Saved roots are known to exist: they are asked for at once.
func TestRoundsFromSavedRoots(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for range 20 {
		repo.PublishOnly("root")
	}
	repo.Publish()
	stored := verify.Stored{Root: repo.Metadata()["21.root.json"]}
	s, err := verify.New(repo.TrustedRoot(), stored, repo.Now(), verify.Options{Lookahead: 64})
	require.NoError(t, err)
	c := &traveller{T: t, repo: repo, session: s}
	require.Equal(t, 3, c.arrive(), "%v", c.rounds)
	require.Len(t, c.rounds[0], 22, "20 roots that are known, one that may exist, and the timestamp")
}

// What is kept waits unparsed, within a limit; what is too much is asked for
// again when its turn comes.
func TestMaxAheadBytes(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for range 6 {
		repo.PublishOnly("root")
	}
	repo.Publish()
	size := int64(len(repo.Metadata()["2.root.json"]))
	for _, room := range []int64{0, size, -1} { // 0: the default
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 64, Limits: verify.Limits{MaxAheadBytes: room}})
		require.NoError(t, err)
		c := &traveller{T: t, repo: repo, session: s}
		c.arrive()
		again := 0
		asked := map[string]int{}
		for _, round := range c.rounds {
			for _, path := range round {
				if asked[path]++; asked[path] > 1 {
					again++
				}
			}
		}
		require.EqualValues(t, 7, s.Version("root"))
		require.Equal(t, room != 0, again > 0, "%v", c.rounds)
	}
	c := travel(t, repo, 1)
	b, _ := c.session.Next()
	require.Equal(t, "timestamp.json", b.Fetch[1].Path)
	require.ErrorIs(t, c.session.Provide(b.Fetch[1].ID, make([]byte, b.Fetch[1].MaxBytes+1)), verify.ErrLimit, "too long is too long at once")
	require.Len(t, c.session.Outstanding(), 2)
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

// What is ahead is bounded: by Lookahead in all, and for roots by the limit of
// new ones, which the stored ones do not count towards.
func TestAheadIsBounded(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for i := range 6 {
		repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprint("role", i), Paths: []string{"*"}})
	}
	for range 12 {
		repo.PublishOnly("root")
	}
	repo.Publish()
	c := travel(t, repo, 3)
	c.session.Lookup("x")
	c.arrive()
	ahead := 0
	for _, round := range c.rounds {
		require.LessOrEqual(t, len(round), 1+3, "%v", c.rounds)
		ahead = max(ahead, len(round)-1)
	}
	require.Equal(t, 3, ahead)
	require.Len(t, c.rounds[len(c.rounds)-2], 4, "a role that is needed, and three that may be: %v", c.rounds)

	for stored, most := range map[int]int{1: 1 + 5, 4: 4 + 5} {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{Root: repo.Metadata()[fmt.Sprintf("%d.root.json", stored)]}, repo.Now(), verify.Options{
			Lookahead: 64, Limits: verify.Limits{MaxRootRotations: 5},
		})
		require.NoError(t, err)
		c := &traveller{T: t, repo: repo, session: s}
		c.arrive()
		require.EqualValues(t, most, s.Version("root"))
		for _, round := range c.rounds {
			for v := most + 1; v <= 13; v++ {
				require.NotContains(t, round, fmt.Sprintf("%d.root.json", v), "beyond the limit")
			}
		}
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
