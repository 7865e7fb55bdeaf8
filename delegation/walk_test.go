package delegation_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// repository is a published one, whose roles a search is given as trusted.
type repository struct {
	*testing.T
	*verifytest.Repo
}

func newRepository(t *testing.T) repository {
	return repository{t, verifytest.New(verifytest.Options{})}
}

// open opens the file of a role that a search asks for.
func (r repository) open(p delegation.Pending) roles.Trusted[metadata.Targets] {
	env, err := metadata.Parse[metadata.Targets](r.Metadata()[r.FileName(p.Role)], metadata.Options{})
	require.NoError(r, err)
	var role roles.Role
	if p.Delegator == "root" {
		rootEnv, err := metadata.Parse[metadata.Root](r.TrustedRoot(), metadata.Options{})
		require.NoError(r, err)
		root, err := roles.VerifyInitialRoot(rootEnv, roles.Policy{})
		require.NoError(r, err)
		role, err = roles.TopLevel(root, "targets", roles.Policy{})
		require.NoError(r, err)
	} else {
		role, err = roles.Delegated(p.By, p.Position, p.Role, roles.Policy{})
		require.NoError(r, err)
	}
	file, err := roles.Verify(env, role)
	require.NoError(r, err)
	return file
}

// search returns the roles that a search asks, in order, and how it ends.
func (r repository) search(path string, o delegation.Options) string {
	w := delegation.NewWalk(path, o)
	var asked []string
	for {
		p, ok := w.Next()
		if !ok {
			break
		}
		_, err := w.Result()
		require.ErrorIs(r, err, delegation.ErrUnfinished)
		again, _ := w.Next()
		require.Equal(r, p, again, "Next repeats itself until Visit")
		asked = append(asked, p.Role)
		require.NoError(r, w.Visit(r.open(p)))
	}
	_, err := w.Result()
	require.ErrorIs(r, w.Visit(roles.Trusted[metadata.Targets]{}), roles.ErrUntrusted)
	if err == nil {
		return strings.Join(asked, " ") + ": found"
	}
	require.ErrorContains(r, err, fmt.Sprintf("%q", path))
	for _, sentinel := range []error{delegation.ErrNoTarget, delegation.ErrLimit} {
		if errors.Is(err, sentinel) {
			return strings.Join(asked, " ") + ": " + sentinel.Error()
		}
	}
	return strings.Join(asked, " ") + ": " + err.Error()
}

type delegate = verifytest.Delegation

// all is a delegation of every path without a slash.
func all(name string) delegate { return delegate{Name: name, Paths: []string{"*"}} }

func last(d delegate) delegate {
	d.Terminating = true
	return d
}

// R-5.6.7a, R-5.6.7b, R-5.6.7d, R-5.6.7e, R-4.6.7, R-4.6.8 (D1 to D4, D8, D11,
// D12, CVE-2025-2886, php-tuf#344, tough-cycles): the order in which roles are
// asked.
func TestWalk(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(r repository)
		path  string
		want  string
	}{
		{"listed at the top", func(r repository) { r.Targets().AddTarget("x", nil); r.Targets().Delegate(all("a")) }, "x", "targets: found"},
		{"nobody to ask", func(r repository) {}, "x", "targets: no such target"},
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
		{"only what covers the path", func(r repository) {
			r.Targets().Delegate(delegate{Name: "a", Paths: []string{"a/*"}})
			r.Targets().Delegate(delegate{Name: "none"})
			r.Targets().Delegate(delegate{Name: "empty", Paths: []string{}})
			r.Targets().Delegate(delegate{Name: "b", Paths: []string{"no", "b/*"}}).AddTarget("b/1", nil)
		}, "b/1", "targets b: found"},
		{"every edge of the way covers the path", func(r repository) {
			r.Targets().Delegate(delegate{Name: "a", Paths: []string{"a/*"}}).Delegate(delegate{Name: "b", Paths: []string{"*", "*/*"}}).AddTarget("b/1", nil)
		}, "b/1", "targets: no such target"},
		{"listed outside its paths", func(r repository) {
			r.Targets().Delegate(delegate{Name: "a", Paths: []string{"a/*"}}).AddTarget("b/1", nil)
		}, "b/1", "targets: no such target"},
		{"a cycle", func(r repository) {
			a := r.Targets().Delegate(all("a"))
			a.Delegate(all("b")).Delegate(all("a"))
		}, "x", "targets a b: no such target"},
		{"a role that delegates to itself", func(r repository) { r.Targets().Delegate(all("a")).Delegate(all("a")) }, "x", "targets a: no such target"},
		{"a diamond", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(all("c"))
			r.Targets().Delegate(all("b")).Delegate(all("c"))
		}, "x", "targets a c b: no such target"},
		{"terminating ends the search", func(r repository) {
			r.Targets().Delegate(last(all("a")))
			r.Targets().Delegate(all("b")).AddTarget("x", nil)
		}, "x", "targets a: no such target"},
		{"but not before its descendants", func(r repository) {
			r.Targets().Delegate(last(all("a"))).Delegate(all("b")).AddTarget("x", nil)
			r.Targets().Delegate(all("c"))
		}, "x", "targets a b: found"},
		{"nor before its elder siblings", func(r repository) {
			r.Targets().Delegate(all("a"))
			r.Targets().Delegate(last(all("b")))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b: no such target"},
		{"it ends the search above it too", func(r repository) {
			r.Targets().Delegate(all("a")).Delegate(last(all("b")))
			r.Targets().Delegate(all("c")).AddTarget("x", nil)
		}, "x", "targets a b: no such target"},
		{"it counts only where it covers the path", func(r repository) {
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
			r.Targets().Delegate(delegate{Name: "f", PathHashPrefixes: []string{"f3", "f", "f379"}}).AddTarget("packages/x", nil)
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

// R-5.6.7c, decision 12: the limit is on the roles visited, and is not the same
// as finding nothing.
func TestRoleLimit(t *testing.T) {
	r := newRepository(t)
	next := r.Targets()
	for i := range 40 {
		next = next.Delegate(all(fmt.Sprintf("r%d", i)))
	}
	next.AddTarget("x", nil)
	r.Publish()
	for limit, want := range map[int]string{1: "targets: limit reached", 2: "targets r0: limit reached", 40: "limit reached", 41: "r39: found", 42: "r39: found"} {
		require.Contains(t, r.search("x", delegation.Options{MaxDelegations: limit}), want, limit)
	}
	require.True(t, strings.HasSuffix(r.search("x", delegation.Options{}), "r30: limit reached"), "32 roles, the top-level one included")
	require.Contains(t, r.search("y", delegation.Options{MaxDelegations: 41}), "no such target", "a limit that is just enough is not reached")
}

// R-5.6.7b, R-5.6.7c: delegations back to roles that were visited do not use up
// the limit.
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

// R-T15.2, R-T15.4 (D7, D10, go-tuf#783): every path falls into just
// one bin, by either kind of bins, and classic and succinct bins agree.
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

func TestBin(t *testing.T) {
	for bits, want := range map[int]string{1: "p-1", 2: "p-3", 3: "p-7", 4: "p-f", 5: "p-1e", 8: "p-f3", 14: "p-3cde", 16: "p-f379", 31: "p-79bcd708", 32: "p-f379ae11"} {
		d := delegationsOf(t, func(x *verifytest.Role) { x.DelegateSuccinct("p", bits) })
		for found := range delegation.RolesFor("targets", d, "packages/x") {
			require.Equal(t, want, found.Role, bits)
		}
		require.True(t, d.SuccinctRoles().Has(want))
	}
}

// R-T15.5 (G20): succinct bins end the search, unless one wants it otherwise.
func TestSuccinctBinsAreTerminating(t *testing.T) {
	r := newRepository(t)
	a := r.Targets().Delegate(all("a"))
	a.DelegateSuccinct("bin", 1)
	r.Targets().Delegate(all("b")).AddTarget("x", nil)
	r.Publish()
	require.Equal(t, "targets a bin-0: no such target", r.search("x", delegation.Options{}))
	require.Equal(t, "targets a bin-0 b: found", r.search("x", delegation.Options{SuccinctFallThrough: true}))

	// R-5.6.7e: and what one wants of bins is not said of other roles.
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
		require.NoError(t, w.Visit(r.open(p)))
	}
	_, ok := w.Next()
	require.False(t, ok)
	for range w.Upcoming() {
		t.Error("nothing comes after the end")
	}
}

// Nothing is upcoming that was visited, or behind the end of a search, whatever
// is left over.
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
				require.NoError(t, w.Visit(r.open(p)))
			}
		}
		require.Equal(t, c.want, strings.Join(steps, " | "))
	}
}

// A walk believes only content of the role that it asked for.
func TestVisitRefusesOtherContent(t *testing.T) {
	r := newRepository(t)
	r.Targets().Delegate(all("a"))
	r.Publish()
	w := delegation.NewWalk("x", delegation.Options{})
	require.ErrorIs(t, w.Visit(roles.Trusted[metadata.Targets]{}), roles.ErrUntrusted)
	top, _ := w.Next()
	file := r.open(top)
	require.NoError(t, w.Visit(file))
	require.ErrorIs(t, w.Visit(file), roles.ErrUntrusted, "targets again, in the place of a")
	p, ok := w.Next()
	require.True(t, ok)
	require.Equal(t, "a", p.Role)
}

// roles are asked by their patterns and by their prefixes, in
// listed order, and a role with neither is not asked.
func TestRolesFor(t *testing.T) {
	r := newRepository(t)
	for _, d := range []delegate{
		{Name: "a", Paths: []string{"no", "packages/*"}}, {Name: "b", Paths: []string{"*"}}, {Name: "c", PathHashPrefixes: []string{"00", "f379"}},
		{Name: "d", PathHashPrefixes: []string{"f378"}}, {Name: "e", PathHashPrefixes: []string{""}}, {Name: "f"}, {Name: "g", Paths: []string{}},
		{Name: "h", PathHashPrefixes: []string{fmt.Sprintf("%x", sha256.Sum256([]byte("packages/x")))}},
	} {
		r.Targets().Delegate(d)
	}
	r.Publish()
	top, _ := delegation.NewWalk("x", delegation.Options{}).Next()
	d := r.open(top).Content().Delegations()
	path := "packages/x"
	var asked []string
	for e := range delegation.RolesFor("targets", d, path) {
		asked = append(asked, e.Role)
	}
	require.Equal(t, []string{"a", "c", "e", "h"}, asked)
	for range delegation.RolesFor("targets", nil, path) {
		t.Error("no delegations cover nothing")
	}
}
