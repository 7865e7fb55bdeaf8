package delegation_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Matching does not allocate. This guards against lists of segments or
// characters.
func TestMatchAllocatesNothing(t *testing.T) {
	for _, c := range matches {
		n := testing.AllocsPerRun(5, func() { delegation.Match(c.pattern, c.path) })
		require.Zero(t, n, "%q, %q", c.pattern, c.path)
	}
	pattern, path := strings.Repeat("*[!b]", 50)+"b", strings.Repeat("é", 150)
	require.Zero(t, testing.AllocsPerRun(5, func() { delegation.Match(pattern, path) }))
}

// Finding the role for a path takes a few allocations, whatever the number of
// roles. This guards against decoding roles that do not match, and against
// hashing the path for each role.
func TestRolesForAllocatesLittle(t *testing.T) {
	p := "dir-01999/x"
	for _, c := range []struct {
		name  string
		most  float64
		build func(*verifytest.Role)
	}{
		{"16 classic bins", 3, func(x *verifytest.Role) { x.DelegateBins("bin", 16) }},
		{"4,096 classic bins", 3, func(x *verifytest.Role) { x.DelegateBins("bin", 4096) }},
		{"2^32 succinct bins", 5, func(x *verifytest.Role) { x.DelegateSuccinct("bin", 32) }},
		{"2,000 patterns", 3, patterns(2000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := delegationsOf(t, c.build)
			found := 0
			require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
				for range delegation.RolesFor("targets", d, p) {
					found++
				}
			}), c.most)
			require.Equal(t, 21, found, "one in each run, and in one more to warm up")
		})
	}
}

// R-5.6.7c: if a role delegates a path to 100,000 others, a search stores only
// as many as it may still visit.
func TestVisitStoresNoMoreRolesThanItMayVisit(t *testing.T) {
	const n = 100_000
	for _, pattern := range []string{"*", "x*"} {
		r := newRepository(t)
		r.delegateEach(times(n, pattern))
		r.Publish()
		w := delegation.NewWalk("x", delegation.Options{})
		top, _ := w.Next()
		file := r.verified(top)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, w.Visit(file))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(n/4))
	}
}
