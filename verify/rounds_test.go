package verify_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestRounds counts how often a caller waits who fetches together what is asked
// for together (docs/decisions.md, "Files asked for ahead").
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
	for lookahead, want := range map[int]struct{ cold, deep, many, refresh int }{
		0:  {cold: 4, deep: 2, many: 1, refresh: 2},
		64: {cold: 3, deep: 2, many: 1, refresh: 1},
	} {
		c := newParallelClient(t, repo, lookahead)
		c.session.Lookup("top")
		require.Equal(t, want.cold, c.fetchAll(), "a cold start: %v", c.rounds)
		c.session.Lookup(paths[0])
		require.Equal(t, want.deep, c.fetchAll(), "one for each level of delegation: %v", c.rounds)
		for _, path := range paths {
			c.session.Lookup(path)
		}
		require.Equal(t, want.many, c.fetchAll(), "100 targets in 100 bins: %v", c.rounds)
		require.Len(t, c.rounds[0], 99)
		c.session = renew(t, c.session, repo.Now())
		require.Equal(t, want.refresh, c.fetchAll(), "an unchanged repository: %v", c.rounds)
	}
	for i := range 100 {
		repo.Rotate("root", 1, repo.Key(fmt.Sprint("root", i)))
		repo.PublishOnly("root")
	}
	for lookahead, want := range map[int]int{0: 104, 1: 53, 64: 9, 1000: 9} {
		c := newParallelClient(t, repo, lookahead)
		require.Equal(t, want, c.fetchAll(), "100 root rotations: %v", c.rounds)
		asked := 0
		for _, round := range c.rounds {
			asked += len(round)
		}
		require.Less(t, asked, 104+64)
	}
}

// Stored roots are known to exist, so they are asked for at once.
func TestRoundsFromStoredRoots(t *testing.T) {
	repo := withRoots(21)
	stored := verify.Stored{Root: [][]byte{fileOf(repo, "root")}}
	s := newSession(t, repo, stored, verify.Options{Lookahead: 64})
	c := &parallelClient{T: t, repo: repo, session: s}
	require.Equal(t, 3, c.fetchAll(), "%v", c.rounds)
	require.Len(t, c.rounds[0], 22, "20 known roots, one that may exist, and the timestamp")
}
