package delegation_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Matching is done in place. A guard against lists of segments or characters.
func TestMatchAllocatesNothing(t *testing.T) {
	for _, c := range matches {
		require.Zero(t, testing.AllocsPerRun(5, func() { delegation.Match(c.pattern, c.path) }), "%q, %q", c.pattern, c.path)
	}
	pattern, path := strings.Repeat("*[!b]", 50)+"b", strings.Repeat("é", 150)
	require.Zero(t, testing.AllocsPerRun(5, func() { delegation.Match(pattern, path) }))
}

// Finding the role for a path takes a handful of allocations, however many
// roles there are. A guard against decoding roles that are not for the path,
// and against hashing it again for each.
func TestRolesForAllocatesLittle(t *testing.T) {
	p := "dir-01999/x"
	for _, c := range []struct {
		name  string
		most  float64
		build func(*verifytest.Role)
	}{
		{"16 classic bins", 11, func(x *verifytest.Role) { x.DelegateBins("bin", 16) }},
		{"4,096 classic bins", 11, func(x *verifytest.Role) { x.DelegateBins("bin", 4096) }},
		{"2^32 succinct bins", 11, func(x *verifytest.Role) { x.DelegateSuccinct("bin", 32) }},
		{"2,000 patterns", 11, patterns(2000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := delegationsOf(t, c.build)
			found := 0
			require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
				for range delegation.RolesFor("targets", d, p) {
					found++
				}
			}), c.most)
			require.Equal(t, 21, found, "one each time, and once more to warm up")
		})
	}
}

// R-5.6.7c: a role that delegates a path to a hundred thousand others costs a
// search no more than the roles that it may still ask.
func TestVisitKeepsNoMoreRolesThanItMayAsk(t *testing.T) {
	const n = 100_000
	r := newRepository(t)
	r.Edit("targets", func(signed map[string]any) {
		var list []any
		for i := range n {
			list = append(list, map[string]any{"name": fmt.Sprintf("%06d", i), "keyids": []any{}, "threshold": int64(1), "terminating": false, "paths": []any{"*"}})
		}
		signed["delegations"] = map[string]any{"keys": map[string]any{}, "roles": list}
	})
	r.Publish()
	w := delegation.NewWalk("x", delegation.Options{})
	top, _ := w.Next()
	file := r.open(top)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, w.Visit(file))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(n))
}
