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
