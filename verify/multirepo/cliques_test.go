package multirepo

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// found returns all groups that cliques yields, and checks that it yields none
// twice.
func found(t *testing.T, agree []set) map[set]bool {
	all := map[set]bool{}
	everything := set(1)<<len(agree) - 1
	cliques(agree, 0, everything, 0, func(group set) {
		require.False(t, all[group])
		all[group] = true
	})
	return all
}

// Cliques yields the same groups as a test of every group: each agrees with
// each other, and none can be added.
func TestCliques(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		n := 1 + random.IntN(9)
		agree := make([]set, n)
		for i := range n {
			for j := range i {
				if random.IntN(3) > 0 {
					agree[i] |= 1 << j
					agree[j] |= 1 << i
				}
			}
		}
		want := map[set]bool{}
		for group := set(1); group < 1<<n; group++ {
			clique, maximal := true, true
			for i, others := range agree {
				apart := group &^ (1 << i) &^ others // those of the group that i does not agree with
				clique = clique && (!group.has(i) || apart == 0)
				maximal = maximal && (group.has(i) || apart != 0)
			}
			if clique && maximal {
				want[group] = true
			}
		}
		require.Equal(t, want, found(t, agree), "%b", agree)
	}
}

// The pivot is one of the candidates or of those that were tried before, and
// none of them agrees with more candidates. This bounds the work.
func TestPivot(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		agree := make([]set, 1+random.IntN(9))
		for i := range agree {
			agree[i] = set(random.IntN(1<<len(agree))) &^ (1 << i)
		}
		candidates := set(random.IntN(1 << len(agree)))
		done := set(random.IntN(1<<len(agree))) &^ candidates
		if candidates|done == 0 {
			continue
		}
		chosen := pivot(agree, candidates, done)
		require.True(t, (candidates | done).has(chosen))
		for i, others := range agree {
			if (candidates | done).has(i) {
				n := bits.OnesCount32(uint32(others & candidates))
				most := bits.OnesCount32(uint32(agree[chosen] & candidates))
				require.LessOrEqual(t, n, most, "%b", agree)
			}
		}
	}
}

// Without any member there is one group, which is empty.
func TestCliquesOfNothing(t *testing.T) {
	require.Equal(t, map[set]bool{0: true}, found(t, nil))
	require.Equal(t, quorum{}, newAgreement([]*listing{nil, {length: 1}}, make([]set, 2), 1).quorum())
}

// The repositories of one entry can make only so many groups: the most are in
// sets of three of which none agrees with the other two.
func TestMostCliques(t *testing.T) {
	require.Equal(t, 32, metadata.MaxEntryRepositories)
	agree := make([]set, metadata.MaxEntryRepositories)
	for i := range agree {
		for j := range agree {
			if i/3 != j/3 {
				agree[i] |= 1 << j
			}
		}
	}
	n := 0
	cliques(agree, 0, ^set(0), 0, func(set) { n++ })
	require.Equal(t, 59049*2, n)
}
