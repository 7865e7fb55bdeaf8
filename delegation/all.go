package delegation

import (
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// All are the delegations of one file, for a search without a path: those that
// some path matches, in listed order. The names of succinct bins are made one
// by one, since there may be 2^32 of them. An All is not safe for concurrent
// use.
type All struct {
	by       roles.Trusted[metadata.Targets]
	listed   *metadata.Delegations
	succinct *metadata.SuccinctRoles
	through  bool // succinct bins are not terminating
	next, n  int64
}

// NewAll returns the delegations of a role's file, of which there may be none.
func NewAll(by roles.Trusted[metadata.Targets], o Options) *All {
	a := &All{by: by, through: o.SuccinctFallThrough}
	if by.Content() == nil || by.Content().Delegations() == nil {
		return a
	}
	a.listed = by.Content().Delegations()
	a.n = int64(a.listed.Len())
	if a.succinct = a.listed.SuccinctRoles(); a.succinct != nil {
		a.n = 1 << a.succinct.BitLength
	}
	return a
}

// Next returns the next delegation, and false after the last one. It leaves out
// the roles without patterns and prefixes, which match no path.
func (a *All) Next() (p Pending, ok bool) {
	for a.next < a.n {
		i := a.next
		a.next++
		if a.succinct != nil {
			d := Delegation{a.by.Name(), a.succinct.Bin(uint32(i)), !a.through, -1} // R-T15.5
			return Pending{Delegation: d, By: a.by}, true
		}
		role := a.listed.At(int(i))
		if byHash(role) || byPattern(role) {
			d := Delegation{a.by.Name(), role.Name, role.Terminating, int(i)}
			return Pending{Delegation: d, By: a.by}, true
		}
	}
	return Pending{}, false
}

// Last reports whether the delegation that Next returned last is at the end of
// the list.
func (a *All) Last() bool { return a.next == a.n }

// Disjoint reports whether no path matches two of the delegations: they are
// hash bins, and no prefix of one begins with a prefix of another. It takes
// time linear in the number of prefixes, times its logarithm.
func (a *All) Disjoint() bool {
	if a.succinct != nil || a.listed == nil {
		return true
	}
	type prefix struct {
		text string
		role int
	}
	var all []prefix
	for i := range a.listed.Len() {
		role := a.listed.At(i)
		if byPattern(role) {
			return false
		}
		for text := range role.PathHashPrefixes() {
			all = append(all, prefix{text, i})
		}
	}
	slices.SortFunc(all, func(x, y prefix) int { return strings.Compare(x.text, y.text) })
	for i := 1; i < len(all); i++ { // a prefix of a later one is a prefix of the one right after it
		if all[i].role != all[i-1].role && strings.HasPrefix(all[i].text, all[i-1].text) {
			return false
		}
	}
	return true
}

// byPattern reports whether a delegation has path patterns.
func byPattern(role metadata.DelegatedRole) bool {
	for range role.Paths() {
		return true
	}
	return false
}

// Elsewhere returns a function that reports whether a path is one of another
// hash bin than this delegation's, whose file may list it all the same. It
// returns nil if the delegation is not by hash.
func (p Pending) Elsewhere() func(path string) bool {
	covers := p.covers()
	if covers == nil {
		return nil
	}
	return func(path string) bool {
		covered, _ := covers(path)
		return !covered
	}
}
