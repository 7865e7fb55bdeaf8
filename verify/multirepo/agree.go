package multirepo

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// statement is what a repository says of a target, as far as it can be
// compared.
type statement struct {
	length int64
	strong map[string]string // digests in lower case, by algorithm: those that the repository's session would check
}

func newStatement(length int64, hashes metadata.Hashes, p roles.Policy) statement {
	s := statement{length, map[string]string{}}
	for name, digest := range hashes.All() {
		if name == "sha256" || name == "sha512" || p.Hashes[name] != nil {
			s.strong[name] = strings.ToLower(digest)
		}
	}
	return s
}

// compare says what two statements have to do with each other.
//
// TAP 4 step 3 (D14): one hash that is the same is not enough, and a weak one
// is none.
func compare(a, b statement) (agree, contradict bool) {
	if a.length != b.length {
		return false, true
	}
	for name, digest := range a.strong {
		if other, ok := b.strong[name]; ok {
			if other != digest {
				return false, true
			}
			agree = true
		}
	}
	return agree, false
}

// covers says whether a file that is what s says is also what t says, which is
// of the same length.
func (s statement) covers(t statement) bool {
	for name, digest := range t.strong {
		if s.strong[name] != digest {
			return false
		}
	}
	return true
}

// set is a set of positions in the list of an entry's repositories, of which
// there are at most metadata.MaxEntryRepositories.
type set uint32

func (s set) has(i int) bool { return s&(1<<i) != 0 }

// quorum is what the repositories of an entry say together.
type quorum struct {
	agreed   set  // those in groups that reach the threshold
	conflict bool // two of them contradict each other
}

// judge finds the groups of repositories that agree, each with each other, and
// have enough voices. Statements that are nil count for nothing. Repositories
// with the same voice count once.
//
// TAP 4 step 3: agreement is not transitive, so it does not do to compare all
// with one of them.
func findQuorum(statements []*statement, voices []string, threshold int) (q quorum) {
	agree := make([]set, len(statements))
	var all set
	for i, a := range statements {
		if a == nil || len(a.strong) == 0 {
			continue
		}
		all |= 1 << i
		for j, b := range statements {
			if j != i && b != nil {
				if ok, _ := compare(*a, *b); ok {
					agree[i] |= 1 << j
				}
			}
		}
	}
	cliques(agree, 0, all, 0, func(group set) {
		if group.distinct(voices) >= threshold {
			q.agreed |= group
		}
	})
	for i, a := range statements {
		for j, b := range statements[:i] {
			if q.agreed.has(i) && q.agreed.has(j) {
				_, contradict := compare(*a, *b)
				q.conflict = q.conflict || contradict
			}
		}
	}
	return q
}

func (s set) distinct(of []string) int {
	var different []string
	for i, v := range of {
		if s.has(i) && !slices.Contains(different, v) {
			different = append(different, v)
		}
	}
	return len(different)
}

// cliques yields every group of which each agrees with each other, and to which
// none can be added: the algorithm of Bron and Kerbosch, with a pivot. With 32
// repositories there are at most 3^10 times 2 of them, however they answer.
func cliques(agree []set, group, candidates, done set, yield func(set)) {
	if candidates|done == 0 {
		yield(group)
		return
	}
	apart := candidates &^ agree[pivot(agree, candidates, done)]
	for i := range agree {
		if one := set(1) << i; apart&one != 0 {
			cliques(agree, group|one, candidates&agree[i], done&agree[i], yield)
			candidates, done = candidates&^one, done|one
		}
	}
}

// pivot returns one that agrees with as many of the candidates as any: what it
// agrees with need not be tried, and that bounds the work.
func pivot(agree []set, candidates, done set) (best int) {
	most := -1
	for i := range agree {
		if n := bits.OnesCount32(uint32(candidates & agree[i])); (candidates | done).has(i) && n > most {
			best, most = i, n
		}
	}
	return best
}
