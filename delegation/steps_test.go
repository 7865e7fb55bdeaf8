package delegation_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
)

const defaultMatchSteps = 250_000_000

// times returns n copies of a pattern.
func times(n int, pattern string) []string { return slices.Repeat([]string{pattern}, n) }

// D16, R-4.6.11: patterns that cost far more than their bytes. What a search
// spends on them is counted. It ends at the limit, and does not say that there
// is no such target, nor goes on to a role that lists it.
func TestCostlyPatterns(t *testing.T) {
	const size, limit = 100_000, 10_000_000
	a, b := strings.Repeat("a", 1000), strings.Repeat("b", 1000)
	small := "*" + strings.Repeat("a", 83) + "b"
	for _, c := range []struct {
		name     string
		patterns []string
		path     string
		limit    int64 // 0: the default
	}{
		{"a set of 8 MB", []string{"*[" + strings.Repeat("a", 7_900_000) + "]"}, b, 0},
		{"92,000 small patterns", times(92_000, small), a, 0},
		{"a set to be outside of", []string{"*[!" + strings.Repeat("b", size) + "]"}, b, limit},
		{"a set of ranges", []string{"*[" + strings.Repeat("c-d", size/3) + "]"}, b, limit},
		{"what looks like a set", []string{"*[]" + strings.Repeat("a", size)}, strings.Repeat("[", 1000), limit},
		{"small patterns with a beginning", times(9200, "a"+small), a, limit},
		{"patterns of stars", times(9200, strings.Repeat("*a", 42)+"b"), a, limit},
		{"short patterns", times(100_000, "*ab"), a, limit},
		{"short patterns and a long path", times(1000, "*b"), strings.Repeat("a", 100_000), limit},
		{"short patterns that match nothing and a long path", times(1000, "?"), strings.Repeat("a", 100_000), limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.limit == 0 && testing.Short() { // the default limit takes a second
				c.limit = limit
			}
			r := newRepository(t)
			r.Targets().Delegate(delegate{Name: "costly", Paths: c.patterns})
			r.Targets().Delegate(delegate{Name: "good", PathHashPrefixes: []string{""}}).AddTarget(c.path, nil)
			r.Publish()
			w := delegation.NewWalk(c.path, delegation.Options{MaxMatchSteps: c.limit})
			top, _ := w.Next()
			require.NoError(t, w.Visit(r.verified(top)))
			_, ok := w.Next()
			require.False(t, ok)
			for range w.Upcoming() {
				t.Error("nothing is upcoming after the end")
			}
			_, err := w.Result()
			require.ErrorIs(t, err, delegation.ErrLimit)
			require.NotErrorIs(t, err, delegation.ErrNoTarget)
			require.ErrorContains(t, err, fmt.Sprintf("more than %d steps", cmp.Or(c.limit, defaultMatchSteps)))
			require.ErrorContains(t, err, "role targets")
			require.Negative(t, w.StepsLeft())
			require.Greater(t, w.StepsLeft(), int64(-8_000_000), "no more than one set or path too many")
		})
	}
}

// D16, R-4.6.11: all roles that one search visits spend from one budget. Each
// search has its own.
func TestMatchStepsOfManyRoles(t *testing.T) {
	r := newRepository(t)
	next := r.Targets()
	for i := range 31 {
		next.Delegate(delegate{Name: fmt.Sprintf("costly%d", i), Paths: times(100, "*a*a*b")})
		next = next.Delegate(all(fmt.Sprintf("r%d", i)))
	}
	next.AddTarget(strings.Repeat("a", 50), nil)
	r.Publish()
	path := strings.Repeat("a", 50)
	spent := r.steps(path, delegation.Options{})
	require.Contains(t, r.search(path, delegation.Options{MaxMatchSteps: spent}), "r30: found")
	require.Equal(t, "targets r0 r1 r2 r3 r4 r5 r6 r7 r8 r9: limit reached",
		r.search(path, delegation.Options{MaxMatchSteps: spent * 10 / 31}))
	require.Contains(t, r.search(path, delegation.Options{MaxMatchSteps: spent - 1}), "r29: limit reached")
	for range 3 {
		require.Equal(t, spent, r.steps(path, delegation.Options{}), "another search begins anew")
	}
}

// what real repositories have, and much more, stays far below the
// limit. A limit below zero lets no pattern be compared.
func TestMatchStepsOfHonestRepositories(t *testing.T) {
	path := strings.Repeat("packages/some-project/", 4) + "some_project-1.0-py3-x.whl" // 114 bytes
	for _, c := range []struct {
		name  string
		most  int64
		build func(repository)
	}{
		{"no delegations", 0, func(repository) {}},
		{"16,384 classic bins", 0, func(r repository) { r.Targets().DelegateBins("bin", 16_384) }},
		{"succinct bins", 0, func(r repository) { r.Targets().DelegateSuccinct("bin", 14) }},
		{"100,000 directories", 0, func(r repository) {
			r.delegateEach(numbered(100_000, "packages/project-%05d/files/*"))
		}},
		{"1,000 directories, and the right one", 1000, func(r repository) {
			r.delegateEach(append(numbered(1000, "packages/project-%05d/*"), "packages/some-project/*/*/*/*/*/*/*"))
		}},
		{"100,000 patterns of 30 bytes that begin with a star", defaultMatchSteps / 10, func(r repository) {
			r.delegateEach(numbered(100_000, "*/project-%05d/*/file-1.0-*.whl"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			c.build(r)
			r.PublishOnly("targets")
			spent := r.visitTop(path, delegation.Options{})
			t.Logf("%d steps", spent)
			require.LessOrEqual(t, spent, c.most)
			if c.most == 0 {
				require.Zero(t, r.visitTop(path, delegation.Options{MaxMatchSteps: -1}))
			}
		})
	}
	r := newRepository(t)
	r.Targets().Delegate(all("a"))
	r.Publish()
	for _, limit := range []int64{-1, -1 << 63} {
		require.Equal(t, "targets: limit reached", r.search("x", delegation.Options{MaxMatchSteps: limit}))
	}
}

// the steps of one pattern. At exactly so many the result is right,
// and with one less the search ends.
func TestMatchStepsAreExact(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          int64
	}{
		{"ab", "ab", 4 + 2},                // both once, and two characters
		{"a?c", "abd", 6 + 3},              // the third does not match
		{"ab", "ba", 0},                    // another beginning: not compared
		{"a*b", "aaab", 7 + 5},             // a; the star; b three times
		{"*", "", 1},                       // nothing to compare
		{"[a-c]", "b", 6 + 1 + 5},          // one character, and the set
		{"*[a-c]", "xxb", 9 + 1 + 3*(1+5)}, // the set once for each character
		{"[]aaa", "[]aaa", 10 + 5 + 5},     // read to its end to see that it is no set
	} {
		r := newRepository(t)
		r.Targets().Delegate(delegate{Name: "a", Paths: []string{c.pattern}})
		r.Publish()
		require.Equal(t, c.want, r.steps(c.path, delegation.Options{}), "%q, %q", c.pattern, c.path)
		if c.want > 0 {
			want := r.search(c.path, delegation.Options{})
			require.Equal(t, want, r.search(c.path, delegation.Options{MaxMatchSteps: c.want}))
			if c.want > 1 {
				less := delegation.Options{MaxMatchSteps: c.want - 1}
				require.Equal(t, "targets: limit reached", r.search(c.path, less))
			}
		}
	}
}

// steps returns how many steps a whole search takes.
func (r repository) steps(path string, o delegation.Options) int64 {
	w := delegation.NewWalk(path, o)
	before := w.StepsLeft()
	for {
		p, ok := w.Next()
		if !ok {
			return before - w.StepsLeft()
		}
		require.NoError(r, w.Visit(r.verified(p)))
	}
}

// visitTop returns how many steps it takes to visit the top-level targets role,
// which no limit ends.
func (r repository) visitTop(path string, o delegation.Options) int64 {
	w := delegation.NewWalk(path, o)
	before := w.StepsLeft()
	top, _ := w.Next()
	require.NoError(r, w.Visit(r.verified(top)))
	_, err := w.Result()
	require.NotErrorIs(r, err, delegation.ErrLimit)
	return before - w.StepsLeft()
}
