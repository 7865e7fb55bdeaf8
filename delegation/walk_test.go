package delegation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// R-5.6.7a, R-5.6.7b, R-5.6.7d, R-5.6.7e, R-4.6.7, R-4.6.8 (D1 to D4, D8, D11,
// D12, CVE-2025-2886, php-tuf#344, tough-cycles): the order in which roles are
// visited.
func TestWalk(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(r repository)
		path  string
		want  string
	}{
		{"listed at the top", func(r repository) {
			r.Targets().AddTarget("x", nil)
			r.Targets().Delegate(all("a"))
		}, "x", "targets: found"},
		{"no delegations", func(r repository) {}, "x", "targets: no such target"},
		{"own listing before the children's", func(r repository) {
			a := r.Targets().Delegate(all("a"))
			a.AddTarget("x", nil)
			a.Delegate(all("b")).AddTarget("x", nil)
		}, "x", "targets a: found"},
		{"depth first", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(all("b"))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b c: found"},
		{"listed order, whatever the names", func(r repository) {
			for _, name := range []string{"trusted", "10", "2", "z", "1"} {
				r.Targets().Delegate(all(name))
			}
		}, "x", "targets trusted 10 2 z 1: no such target"},
		{"only delegations that match the path", func(r repository) {
			r.Targets().Delegate(delegate{Name: "a", Paths: []string{"a/*"}})
			r.Targets().Delegate(delegate{Name: "none"})
			r.Targets().Delegate(delegate{Name: "empty", Paths: []string{}})
			r.Targets().Delegate(delegate{Name: "b", Paths: []string{"no", "b/*"}}).AddTarget("b/1", nil)
		}, "b/1", "targets b: found"},
		{"every delegation on the way matches the path", func(r repository) {
			a := r.Targets().Delegate(delegate{Name: "a", Paths: []string{"a/*"}})
			a.Delegate(delegate{Name: "b", Paths: []string{"*", "*/*"}}).AddTarget("b/1", nil)
		}, "b/1", "targets: no such target"},
		{"listed outside its paths", func(r repository) {
			r.Targets().Delegate(delegate{Name: "a", Paths: []string{"a/*"}}).AddTarget("b/1", nil)
		}, "b/1", "targets: no such target"},
		{"a cycle", func(r repository) {
			a := r.Targets().Delegate(all("a"))
			a.Delegate(all("b")).Delegate(all("a"))
		}, "x", "targets a b: no such target"},
		{"a role that delegates to itself", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(all("a"))
		}, "x", "targets a: no such target"},
		{"a diamond", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(all("c"))
			r.Targets().Delegate(all("b")).Delegate(all("c"))
		}, "x", "targets a c b: no such target"},
		{"terminating ends the search", func(r repository) {
			r.Targets().Delegate(last(all("a")))
			r.Targets().Delegate(all("b")).AddTarget("x", nil)
		}, "x", "targets a: no such target"},
		{"terminating, after its descendants", func(r repository) {
			r.Targets().Delegate(last(all("a"))).Delegate(all("b")).AddTarget("x", nil)
			r.Targets().Delegate(all("c"))
		}, "x", "targets a b: found"},
		{"terminating, after its earlier siblings", func(r repository) {
			r.Targets().Delegate(all("a"))
			r.Targets().Delegate(last(all("b")))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b: no such target"},
		{"terminating ends the search above it too", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(last(all("b")))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b: no such target"},
		{"terminating, but not matching the path", func(r repository) {
			r.Targets().Delegate(last(delegate{Name: "a", Paths: []string{"a/*"}}))
			r.Targets().Delegate(all("b")).AddTarget("x", nil)
		}, "x", "targets b: found"},
		{"terminating and visited before", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(all("b"))
			r.Targets().Delegate(last(all("b")))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b: no such target"},
		{"two terminating siblings", func(r repository) {
			r.Targets().Delegate(last(all("a")))
			r.Targets().Delegate(last(all("b"))).AddTarget("x", nil)
		}, "x", "targets a: no such target"},
		{"prefixes and patterns in one list", func(r repository) { // sha256("packages/x") = f379ae11...
			r.Targets().Delegate(delegate{Name: "a", PathHashPrefixes: []string{"f379ae11", "00"}})
			r.Targets().Delegate(delegate{Name: "b", Paths: []string{"packages/*"}})
			r.Targets().Delegate(delegate{Name: "c", PathHashPrefixes: []string{"f379ae12", "e"}})
			r.Targets().Delegate(delegate{Name: "d", PathHashPrefixes: []string{""}})
			r.Targets().Delegate(delegate{Name: "e", Paths: []string{"other/*"}})
			f := r.Targets().Delegate(delegate{Name: "f", PathHashPrefixes: []string{"f3", "f", "f379"}})
			f.AddTarget("packages/x", nil)
			r.Targets().Delegate(delegate{Name: "g", PathHashPrefixes: []string{""}})
		}, "packages/x", "targets a b d f: found"},
		{"prefixes alone", func(r repository) {
			for _, name := range []string{"c", "a", "b"} {
				r.Targets().Delegate(delegate{Name: name, PathHashPrefixes: []string{""}})
			}
		}, "x", "targets c a b: no such target"},
		{"back to a role that was visited, and terminating", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(all("b")).Delegate(last(all("a")))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b: no such target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			c.build(r)
			r.Publish()
			require.Equal(t, c.want, r.search(c.path, delegation.Options{}))
		})
	}
}

// R-5.6.7c: the limit counts the roles visited. A search that reached it is
// undecided, which is not "no such target" (docs/decisions.md, "Not found,
// limit reached and undecided").
func TestRoleLimit(t *testing.T) {
	r := newRepository(t)
	next := r.Targets()
	for i := range 40 {
		next = next.Delegate(all(fmt.Sprintf("r%d", i)))
	}
	next.AddTarget("x", nil)
	r.Publish()
	for limit, want := range map[int]string{
		1: "targets: limit reached", 2: "targets r0: limit reached", 40: "limit reached",
		41: "r39: found", 42: "r39: found",
	} {
		require.Contains(t, r.search("x", delegation.Options{MaxDelegations: limit}), want, limit)
	}
	require.True(t, strings.HasSuffix(r.search("x", delegation.Options{}), "r30: limit reached"),
		"32 roles, including the top-level one")
	require.Contains(t, r.search("y", delegation.Options{MaxDelegations: 41}), "no such target",
		"a limit that is just enough is not reached")
}

// R-5.6.7b, R-5.6.7c: delegations to roles that were already visited do not
// count toward the limit.
func TestRoleLimitCountsNoRoleTwice(t *testing.T) {
	r := newRepository(t)
	c := r.Targets().Delegate(all("a")).Delegate(all("b")).Delegate(all("c"))
	for _, name := range []string{"a", "b", "c"} {
		c.Delegate(all(name))
	}
	c.Delegate(all("d")).AddTarget("x", nil)
	r.Publish()
	require.Equal(t, "targets a b c d: found", r.search("x", delegation.Options{MaxDelegations: 5}))
}

// R-T15.2, R-T15.4 (D7, D10, go-tuf#783): every path is in exactly one
// bin, and it is the same one with classic and with succinct bins.
func TestBins(t *testing.T) {
	r := newRepository(t)
	r.Targets().Delegate(delegate{Name: "classic", PathHashPrefixes: []string{""}}).DelegateBins("bin", 32)
	r.Publish()
	succinct := newRepository(t)
	succinct.Targets().DelegateSuccinct("bin", 5)
	succinct.Publish()
	for i := range 200 {
		path := fmt.Sprintf("packages/%d", i)
		classic, ok := strings.CutPrefix(r.search(path, delegation.Options{}), "targets classic ")
		require.True(t, ok)
		bin, ok := strings.CutPrefix(succinct.search(path, delegation.Options{}), "targets ")
		require.True(t, ok)
		require.Equal(t, bin, classic)
		require.Regexp(t, "^bin-[01][0-9a-f]: no such target$", bin)
	}
}

// R-T15.5 (G20): succinct bins end the search, unless the options say
// otherwise.
func TestSuccinctBinsAreTerminating(t *testing.T) {
	r := newRepository(t)
	a := r.Targets().Delegate(all("a"))
	a.DelegateSuccinct("bin", 1)
	r.Targets().Delegate(all("b")).AddTarget("x", nil)
	r.Publish()
	require.Equal(t, "targets a bin-0: no such target", r.search("x", delegation.Options{}))
	require.Equal(t, "targets a bin-0 b: found", r.search("x", delegation.Options{SuccinctFallThrough: true}))

	// R-5.6.7e: the option does not affect listed roles.
	listed := newRepository(t)
	listed.Targets().Delegate(last(all("a")))
	listed.Targets().Delegate(all("b")).AddTarget("x", nil)
	listed.Publish()
	require.Equal(t, "targets a: no such target", listed.search("x", delegation.Options{SuccinctFallThrough: true}))
}

func TestUpcoming(t *testing.T) {
	r := newRepository(t)
	for _, name := range []string{"a", "b", "c"} {
		r.Targets().Delegate(all(name))
	}
	r.Publish()
	w := delegation.NewWalk("x", delegation.Options{})
	for _, want := range []string{"[targets]", "[a b c]", "[b c]", "[c]"} {
		var names []string
		for p := range w.Upcoming() {
			names = append(names, p.Role)
		}
		require.Equal(t, want, fmt.Sprint(names))
		p, ok := w.Next()
		require.True(t, ok)
		require.NoError(t, w.Visit(r.verified(p)))
	}
	_, ok := w.Next()
	require.False(t, ok)
	for range w.Upcoming() {
		t.Error("nothing is upcoming after the end")
	}
}

// Upcoming does not yield roles that were visited, and nothing after the end of
// a search.
func TestUpcomingIsOnlyWhatMayStillBeAsked(t *testing.T) {
	r := newRepository(t)
	r.Targets().Delegate(all("a")).Delegate(all("c"))
	r.Targets().Delegate(all("b")).AddTarget("found", nil)
	r.Targets().Delegate(all("c"))
	r.Targets().Delegate(all("d"))
	r.Publish()
	for _, c := range []struct {
		path  string
		limit int
		want  string
	}{
		{"absent", 32, "targets | a b c d | c b d | b d | d | "},
		{"found", 32, "targets | a b c d | c b d | b d | "},
		{"absent", 2, "targets | a b c | "},
	} {
		w := delegation.NewWalk(c.path, delegation.Options{MaxDelegations: c.limit})
		var steps []string
		for more := true; more; {
			p, ok := w.Next()
			var names []string
			for u := range w.Upcoming() {
				if !slices.Contains(names, u.Role) {
					names = append(names, u.Role)
				}
			}
			steps = append(steps, strings.Join(names, " "))
			if more = ok; ok {
				require.NoError(t, w.Visit(r.verified(p)))
			}
		}
		require.Equal(t, c.want, strings.Join(steps, " | "))
	}
}

// A walk accepts only the file of the role that it asked for.
func TestVisitRefusesOtherContent(t *testing.T) {
	r := newRepository(t)
	r.Targets().Delegate(all("a"))
	r.Publish()
	w := delegation.NewWalk("x", delegation.Options{})
	require.ErrorIs(t, w.Visit(roles.Trusted[metadata.Targets]{}), roles.ErrUntrusted)
	top, _ := w.Next()
	file := r.verified(top)
	require.NoError(t, w.Visit(file))
	require.ErrorIs(t, w.Visit(file), roles.ErrUntrusted, "targets again, instead of a")
	p, ok := w.Next()
	require.True(t, ok)
	require.Equal(t, "a", p.Role)
}
