package multirepo

import (
	"math/bits"
	"slices"
)

// set is a set of positions in the list of an entry's repositories, of which
// there are at most metadata.MaxEntryRepositories.
type set uint32

func (s set) has(i int) bool { return s&(1<<i) != 0 }

// len returns the number of members.
func (s set) len() int { return bits.OnesCount32(uint32(s)) }

// distinct returns how many different texts the members of the set have.
func (s set) distinct(texts []string) int {
	var different []string
	for i, text := range texts {
		if s.has(i) && !slices.Contains(different, text) {
			different = append(different, text)
		}
	}
	return len(different)
}

// cliques yields every group in which each agrees with each other and to which
// no other can be added. (In graph theory these are the maximal cliques.) It is
// the algorithm of Bron and Kerbosch with a pivot: group has the members so
// far, candidates may still be added, and done were tried before.
//
// For 32 repositories it yields at most 2*3^10 groups, whatever they list.
func cliques(agree []set, group, candidates, done set, yield func(set)) {
	if candidates|done == 0 {
		yield(group)
		return
	}
	try := candidates &^ agree[pivot(agree, candidates, done)]
	for i := range agree {
		if one := set(1) << i; try&one != 0 {
			cliques(agree, group|one, candidates&agree[i], done&agree[i], yield)
			candidates, done = candidates&^one, done|one
		}
	}
}

// pivot returns the repository that agrees with the most candidates. Those that
// it agrees with need not be tried, which bounds the work.
func pivot(agree []set, candidates, done set) (best int) {
	most := -1
	for i := range agree {
		if n := bits.OnesCount32(uint32(candidates & agree[i])); (candidates | done).has(i) && n > most {
			best, most = i, n
		}
	}
	return best
}
