package multirepo

import (
	"cmp"
	"maps"
	"slices"
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

// states says whether a repository lists a digest.
func (l *listing) states(h Hash) bool { return l != nil && l.strong[h.Algorithm] == h.Digest }

// equal says whether two repositories list the same.
func (l *listing) equal(other *listing) bool {
	return l.length == other.length && maps.Equal(l.strong, other.strong)
}

// agreement is how the repositories of an entry stand to each other.
type agreement struct {
	listings  []*listing // by position; nil: it does not list the target
	agree     []set      // by position: those that agree with it
	bond      []set      // those of them that speak for themselves, too
	threshold int
}

// newAgreement compares what repositories list. Two that are one voice may
// agree, and count once.
//
// TAP 4 step 3: agreement is not transitive, so it is not enough to compare all
// repositories with one of them.
func newAgreement(listings []*listing, oneVoice []set, threshold int) *agreement {
	a := &agreement{listings, make([]set, len(listings)), make([]set, len(listings)), threshold}
	for i, one := range listings {
		for j, other := range listings {
			if i == j || one == nil || other == nil {
				continue
			}
			if ok, _ := compare(*one, *other); ok {
				a.agree[i] |= 1 << j
			}
		}
		a.bond[i] = a.agree[i] &^ oneVoice[i]
	}
	return a
}

// reaches says whether enough members of a set agree, each with each other, and
// speak for themselves.
func (a *agreement) reaches(among set) (ok bool) {
	cliques(a.bond, 0, among, 0, func(group set) { ok = ok || group.len() >= a.threshold })
	return ok
}

// quorum is the result of comparing what the repositories of an entry list.
type quorum struct {
	agreed   set    // the repositories in groups that reach the threshold
	hashes   []Hash // those that every file has which satisfies a threshold
	conflict bool   // two different files may
}

// quorum finds the groups of repositories in which each agrees with each other,
// and which reach the threshold.
//
// TAP 4 step 3 (D17): a file is good if it satisfies all that a threshold of
// repositories list. There must be a digest that all such files have: so they
// are one file, whatever a repository below the threshold adds to the right
// digest.
func (a *agreement) quorum() (q quorum) {
	var all set
	for i, l := range a.listings {
		if l != nil && len(l.strong) > 0 {
			all |= 1 << i
		}
	}
	cliques(a.bond, 0, all, 0, func(group set) {
		if group.len() >= a.threshold {
			q.agreed |= group | a.agreeingWithAll(group)
		}
	})
	if q.agreed == 0 {
		return q
	}
	q.hashes = a.required(q.agreed)
	q.conflict = len(q.hashes) == 0 || !a.oneLength(q.agreed)
	return q
}

// agreeingWithAll returns those that agree with each member of a group, whether
// or not they are another voice.
func (a *agreement) agreeingWithAll(group set) (list set) {
	for i, agree := range a.agree {
		if group&^agree == 0 {
			list |= 1 << i
		}
	}
	return list
}

// required returns the digests without which no file satisfies a threshold.
func (a *agreement) required(agreed set) (list []Hash) {
	for i, l := range a.listings {
		if !agreed.has(i) {
			continue
		}
		for algorithm, digest := range l.strong {
			h := Hash{algorithm, digest}
			if slices.Contains(list, h) {
				continue
			}
			without := agreed
			for j, other := range a.listings {
				if other.states(h) {
					without &^= 1 << j
				}
			}
			if !a.reaches(without) {
				list = append(list, h)
			}
		}
	}
	slices.SortFunc(list, func(a, b Hash) int {
		return cmp.Or(cmp.Compare(rank(a.Algorithm), rank(b.Algorithm)), cmp.Compare(a.Algorithm, b.Algorithm))
	})
	return list
}

// rank puts sha512 first, sha256 next, and all others behind them.
func rank(algorithm string) int {
	return -slices.Index([]string{"sha256", "sha512"}, algorithm)
}

// oneLength says whether all members list the same length.
func (a *agreement) oneLength(agreed set) bool {
	length := int64(-1)
	for i, l := range a.listings {
		switch {
		case !agreed.has(i):
		case length < 0:
			length = l.length
		case length != l.length:
			return false
		}
	}
	return true
}
