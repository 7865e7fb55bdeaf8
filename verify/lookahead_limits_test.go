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

// Options.Lookahead is the number of open requests ahead, where that many files
// are known.
func TestLookaheadIsBounded(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		repo, s, _ := withStoredRoots(t, verify.Options{Lookahead: n})
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
				break // no more files are known
			}
		}
	}
}

// Lookahead bounds all requests ahead. The limit of new roots bounds those for
// roots, not counting the roots up to the stored one.
func TestAheadIsBounded(t *testing.T) {
	repo := withRoots(13)
	for i := range 6 {
		delegateAll(repo, fmt.Sprint("role", i))
	}
	repo.Publish()
	c := newParallelClient(t, repo, 3)
	c.session.Lookup("x")
	c.fetchAll()
	most := 0
	for _, round := range c.rounds {
		require.LessOrEqual(t, len(round), 1+3, "%v", c.rounds)
		most = max(most, len(round)-1)
	}
	require.Equal(t, 3, most)
	require.Len(t, c.rounds[len(c.rounds)-2], 4, "one role that is needed, three that may be: %v", c.rounds)

	for stored, last := range map[int]int{1: 1 + 5, 4: 4 + 5} {
		root := repo.Metadata()[fmt.Sprintf("%d.root.json", stored)]
		s := newSession(t, repo, verify.Stored{Root: [][]byte{root}}, verify.Options{
			Lookahead: 64, Limits: verify.Limits{MaxRootRotations: 5},
		})
		c := &parallelClient{T: t, repo: repo, session: s}
		c.fetchAll()
		require.EqualValues(t, last, s.Version("root"))
		for _, round := range c.rounds {
			for v := last + 1; v <= 13; v++ {
				require.NotContains(t, round, fmt.Sprintf("%d.root.json", v), "beyond the limit")
			}
		}
	}
}

// A request that is no longer needed does not count towards Lookahead, and its
// answer does not make room a second time.
func TestAnswersThatAreNotNeededMakeNoRoom(t *testing.T) {
	repo, s, requests := withStoredRoots(t, verify.Options{Lookahead: 4})
	for i := range 12 {
		delegateAll(repo, fmt.Sprint("role", i))
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
	c := &parallelClient{T: t, repo: repo, session: s}
	c.fetchAll()
	s.Lookup("x")
	c.fetchAll()
	require.Len(t, c.rounds[0], 1+4, "%v", c.rounds)
}

// Bodies that came ahead wait unparsed, within a limit. One that is beyond the
// limit is asked for again when its turn comes.
func TestMaxAheadBytes(t *testing.T) {
	repo := withRoots(7)
	size := int64(len(repo.Metadata()["2.root.json"]))
	for _, room := range []int64{0, size, -1} { // 0: the default
		o := verify.Options{Lookahead: 64, Limits: verify.Limits{MaxAheadBytes: room}}
		s := newSession(t, repo, verify.Stored{}, o)
		c := &parallelClient{T: t, repo: repo, session: s}
		c.fetchAll()
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
	c := newParallelClient(t, repo, 1)
	b, _ := c.session.Next()
	timestamp := b.Fetch[1]
	require.Equal(t, "timestamp.json", timestamp.Path)
	tooLong := make([]byte, timestamp.MaxBytes+1)
	require.ErrorIs(t, c.session.Provide(timestamp.ID, tooLong), verify.ErrLimit, "refused at once")
	require.Len(t, c.session.Outstanding(), 2)
}

// Limits.MaxAheadBytes: the room of an answer is free again when its turn has
// come, so that nothing is asked for twice.
func TestAheadRoomIsUsedAgain(t *testing.T) {
	first, _, _ := withStoredRoots(t, verify.Options{})
	room := 0
	for _, data := range first.Metadata() {
		room = max(room, len(data))
	}
	// The timestamp waits for the end of the chain, together with two roots.
	room = 2*room + len(first.Metadata()["timestamp.json"])
	repo, s, requests := withStoredRoots(t, verify.Options{
		Lookahead: 2, Limits: verify.Limits{MaxAheadBytes: int64(room)},
	})
	asked := map[string]int{}
	for len(requests) > 0 {
		for _, req := range slices.Backward(requests) {
			asked[req.Path]++
			answer(t, s, repo.Metadata(), req)
		}
		b, _ := s.Next()
		requests = b.Fetch
	}
	require.NoError(t, s.Err())
	for path, n := range asked {
		require.Equal(t, 1, n, path)
	}
}

// There is no version after the greatest one, so nothing is asked for ahead.
func TestNoRootAfterTheLast(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	var initial []byte
	for v := range int64(4) {
		repo.SetVersion("root", math.MaxInt64-3+v)
		repo.PublishOnly("root")
		if v == 0 {
			initial = fileOf(repo, "root")
		}
	}
	repo.Publish()
	begin := func(root []byte) *verify.Session {
		s, err := verify.New(root, verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
		require.NoError(t, err)
		return s
	}
	s := begin(initial)
	c := &parallelClient{T: t, repo: repo, session: s}
	c.fetchAll()
	require.EqualValues(t, math.MaxInt64, s.Version("root"))
	require.Equal(t, [][]string{
		{"timestamp.json", "9223372036854775805.root.json"},
		{"9223372036854775807.root.json", "9223372036854775806.root.json"},
		{"2.snapshot.json"}, {"1.targets.json"},
	}, c.rounds)

	// The same where the last but one is accepted before the answer for the
	// last one comes.
	s = begin(initial)
	for b, more := s.Next(); more; b, more = s.Next() {
		for _, req := range b.Fetch {
			require.GreaterOrEqual(t, req.Version, int64(0), req.Path)
		}
		open := s.Outstanding()
		if i := slices.IndexFunc(open, func(r verify.Request) bool { return !r.Ahead }); i >= 0 {
			answer(t, s, repo.Metadata(), open[i])
		}
	}
	require.EqualValues(t, math.MaxInt64, s.Version("root"))

	b, _ := begin(fileOf(repo, "root")).Next()
	require.Len(t, b.Fetch, 1)
	require.Equal(t, "timestamp.json", b.Fetch[0].Path)
	require.False(t, b.Fetch[0].Ahead)
}

// However high the version of the stored root is, the roots up to it are asked
// for ahead.
func TestRootsToAnyStoredOne(t *testing.T) {
	for _, v := range []int64{1000, math.MaxInt64 - 300, math.MaxInt64 - 200, math.MaxInt64} {
		repo := withRoots(1)
		repo.SetVersion("root", v)
		repo.PublishOnly("root")
		stored := verify.Stored{Root: [][]byte{fileOf(repo, "root")}}
		s := newSession(t, repo, stored, verify.Options{Lookahead: 8})
		b, _ := s.Next()
		require.Len(t, b.Fetch, 1+8, "%d", v)
	}
}

// What was asked for ahead and is not needed after all is not held any longer:
// a session may live long.
func TestAnswersAheadAreLetGo(t *testing.T) {
	for _, down := range []bool{false, true} {
		repo := verifytest.New(verifytest.Options{})
		repo.Publish()
		for range 3 {
			repo.PublishOnly("root")
		}
		s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 8})
		most := int64(0)
		for b, ok := s.Next(); ok; b, ok = s.Next() {
			slices.Reverse(b.Fetch) // those ahead first
			for _, req := range b.Fetch {
				if !s.Wanted(req.ID) {
					continue
				}
				body, ok := repo.Metadata()[req.Path]
				switch {
				case down && req.Path == "5.root.json":
					require.NoError(t, s.Fail(req.ID, errDisk))
				case ok:
					require.NoError(t, s.Provide(req.ID, body))
				case req.Ahead: // roots that do not exist
					require.NoError(t, s.Provide(req.ID, make([]byte, 10_000)))
				default:
					require.NoError(t, s.NotFound(req.ID))
				}
				counted, held := verify.HeldBytes(s)
				require.Equal(t, held, counted)
				most = max(most, held)
			}
		}
		require.Equal(t, down, s.Err() != nil)
		require.Greater(t, most, int64(10_000))
		counted, held := verify.HeldBytes(s)
		require.Zero(t, counted)
		require.Zero(t, held)
	}
}
