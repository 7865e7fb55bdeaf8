package multirepo

import (
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// listing is what a repository lists for a target, as far as it can be
// compared.
type listing struct {
	length int64
	// strong has digests in lower case, by algorithm: those that the
	// repository's session would check.
	strong map[string]string
}

func newListing(length int64, hashes metadata.Hashes, p roles.Policy) listing {
	l := listing{length, map[string]string{}}
	for name, digest := range hashes.All() {
		if name == "sha256" || name == "sha512" || p.Hashes[name] != nil {
			l.strong[name] = strings.ToLower(digest)
		}
	}
	return l
}

// compare says whether two listings agree, and whether they contradict each
// other. They may do neither: then they have no strong hash in common.
//
// TAP 4 step 3 (D14): one equal hash is not enough if another one differs, and
// a weak hash does not count.
func compare(a, b listing) (agree, contradict bool) {
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

// covers says whether a file that matches l also matches other, which has the
// same length.
func (l listing) covers(other listing) bool {
	for name, digest := range other.strong {
		if l.strong[name] != digest {
			return false
		}
	}
	return true
}

// quorum is the result of comparing what the repositories of an entry list.
type quorum struct {
	agreed   set  // the repositories in groups that reach the threshold
	conflict bool // two of them contradict each other
}

// findQuorum finds the groups of repositories in which each agrees with each
// other, and which reach the threshold. Repositories with the same root keys
// count once. A listing that is nil does not count.
//
// TAP 4 step 3: agreement is not transitive, so it is not enough to compare all
// repositories with one of them.
func findQuorum(listings []*listing, rootKeys []string, threshold int) (q quorum) {
	agree := make([]set, len(listings))
	var all set
	for i, a := range listings {
		if a == nil || len(a.strong) == 0 {
			continue
		}
		all |= 1 << i
		for j, b := range listings {
			if j != i && b != nil {
				if ok, _ := compare(*a, *b); ok {
					agree[i] |= 1 << j
				}
			}
		}
	}
	cliques(agree, 0, all, 0, func(group set) {
		if group.distinct(rootKeys) >= threshold {
			q.agreed |= group
		}
	})
	for i, a := range listings {
		for j, b := range listings[:i] {
			if q.agreed.has(i) && q.agreed.has(j) {
				_, contradict := compare(*a, *b)
				q.conflict = q.conflict || contradict
			}
		}
	}
	return q
}
