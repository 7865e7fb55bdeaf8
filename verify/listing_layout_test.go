package verify_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// layout is a repository with random delegations that are in order: globs and
// hash prefixes, siblings, diamonds, loops, terminating delegations, and bins
// of both kinds.
type layout struct {
	*rand.Rand
	*verifytest.Repo
	roles []*verifytest.Role
	paths []string
}

func newLayout(seed uint64) *layout {
	r := rand.New(rand.NewPCG(seed, 17))
	x := &layout{Rand: r, Repo: verifytest.New(verifytest.Options{
		MetaHashes: r.IntN(2) == 0, NoConsistentSnapshot: r.IntN(4) == 0, Compact: true,
	})}
	x.paths = []string{"top", "a/1", "a/2", "a/x/1", "b/1", "b/2", "ab/1", "c", "d/é"}
	for i := range 30 {
		x.paths = append(x.paths, fmt.Sprintf("a/%c%d", 'p'+i%3, i))
	}
	x.roles = []*verifytest.Role{x.Targets()}
	for range 1 + x.IntN(7) {
		x.delegate()
	}
	for range x.IntN(3) {
		x.bins()
	}
	for range 5 + x.IntN(40) {
		x.list()
	}
	x.Publish()
	return x
}

func of[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (x *layout) delegate() {
	from := of(x.Rand, x.roles)
	d := verifytest.Delegation{Name: of(x.Rand, []string{"a", "b", "c", "d", "e"}), Terminating: x.IntN(4) == 0}
	if from.Name() == d.Name || from.Name() == "succinct" {
		return
	}
	if x.IntN(5) == 0 {
		d.PathHashPrefixes = []string{fmt.Sprintf("%x", x.IntN(16)), fmt.Sprintf("%x", x.IntN(40))}
	} else {
		for range 1 + x.IntN(2) {
			d.Paths = append(d.Paths, of(x.Rand, []string{"*", "*/*", "a/*", "b/?", "[ab]/*", "a/[p-q]*", "a/x/*", "c"}))
		}
	}
	x.roles = append(x.roles, from.Delegate(d))
}

func (x *layout) bins() {
	from := of(x.Rand, x.roles)
	if from.Name() == "succinct" || from.Name() == "classic" {
		return
	}
	d := verifytest.Delegation{Name: of(x.Rand, []string{"classic", "succinct"}), Terminating: x.IntN(4) == 0}
	d.Paths = []string{"*", "*/*"}
	if n := x.IntN(3); n < 2 {
		d.Paths = []string{"a/*", "*"}[n : n+1]
	}
	again := false
	for _, r := range x.roles {
		again = again || r.Name() == d.Name
	}
	bins := from.Delegate(d)
	if again { // a diamond above bins
		return
	}
	x.roles = append(x.roles, bins)
	if d.Name == "classic" {
		bins.DelegateBins("c", 4)
	} else {
		bins.DelegateSuccinct("s", 2)
	}
	for range 20 {
		bins.AddToBin(of(x.Rand, x.paths), x.content())
	}
	for range 2 { // and a few in the wrong bin
		bins.Bin(of(x.Rand, x.paths)).AddTarget(of(x.Rand, x.paths), x.content())
	}
	for range 2 {
		x.roles = append(x.roles, bins.Bin(of(x.Rand, x.paths)))
	}
}

func (x *layout) content() []byte { return make([]byte, x.IntN(100)) }

func (x *layout) list() {
	role, path := of(x.Rand, x.roles), of(x.Rand, x.paths)
	if x.IntN(4) == 0 {
		role.RemoveTarget(path)
	} else {
		role.AddTarget(path, x.content())
	}
}

// lose returns a mirror without some files of delegated roles.
func (x *layout) lose() verifytest.Files {
	files := x.Metadata().Clone()
	if x.IntN(4) == 0 {
		for range 1 + x.IntN(2) {
			if role := of(x.Rand, x.roles); role.Name() != "targets" {
				delete(files, x.FileName(role.Name()))
			}
		}
	}
	return files
}

// see is a view of what is published.
func (x *layout) see(t testing.TB, files verifytest.Files, o verify.Options) view {
	root, now := x.TrustedRoot(), x.Now()
	return view{func() *verify.Session {
		s, err := verify.New(root, verify.Stored{}, now, o)
		require.NoError(t, err)
		return s
	}, files.Source(), files}
}

// TestListingOfLayouts is TestListing in repositories with more delegations,
// and more targets, of which a mirror may have lost some files. R-5.6.9a,
// R-5.6.9b.
func TestListingOfLayouts(t *testing.T) {
	seen := map[string]int{}
	n := manyOr(600, 200)
	for seed := range uint64(n) {
		x := newLayout(seed + 1)
		o := verify.Options{SuccinctFallThrough: x.IntN(8) == 0}
		if x.IntN(6) == 0 {
			o.Limits.MaxDelegations = 1 + x.IntN(5)
		}
		v := x.see(t, x.lose(), o)
		where := fmt.Sprintf("layout %d", seed+1)
		got := list(t, v.begin(), v.mirror, verify.ListOptions{})
		compareWithLookups(t, where, v.begin(), v.mirror, universe(v.files), got, seen)
		ahead := list(t, v.begin(), v.mirror, verify.ListOptions{AtOnce: 2 + x.IntN(20)})
		require.Equal(t, asText(t, got), asText(t, ahead), "%s: the order depends on how many files are asked for", where)
	}
	requireOutcomes(t, n, seen, []string{
		"complete", "incomplete", "found", "no target", "left out: a file could not be fetched",
		"left out: a limit was reached",
	})
}

// asText returns a list in order.
func asText(t *testing.T, all listed) (lines []string) {
	for _, target := range all.targets {
		lines = append(lines, asJSON(t, target))
	}
	for _, left := range all.leftOut {
		lines = append(lines, left.Path+" "+left.Role)
	}
	for _, r := range all.roles {
		lines = append(lines, r.Delegator+" "+r.Role)
	}
	return lines
}

// TestDifferenceOfLayouts is TestDifference in such repositories: some roles
// list something else, and sometimes there are other delegations. R-5.6.9c.
func TestDifferenceOfLayouts(t *testing.T) {
	seen := map[string]int{}
	n := manyOr(600, 200)
	for seed := range uint64(n) {
		x := newLayout(seed + 1)
		old := x.see(t, x.Metadata().Clone(), verify.Options{})
		for range x.IntN(6) {
			x.list()
		}
		if x.IntN(10) == 0 {
			x.delegate()
		}
		x.Publish()
		now := x.see(t, x.Metadata().Clone(), verify.Options{})
		compareViews(t, fmt.Sprintf("layout %d", seed+1), old, now, x.IntN(5) > 0, seen)
	}
	requireOutcomes(t, n, seen, []string{
		"complete", "fewer roles than there are", "came", "went", "changed", "nothing has changed",
	})
}
