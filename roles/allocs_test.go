package roles_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The number of other roles does not change the cost of a role. This guards
// against reading the whole list.
func TestRolesAllocateTheSameInAnyNumberOfBins(t *testing.T) {
	count := func(n, digits int) float64 {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().DelegateBins("bin", n)
		repo.PublishOnly("targets")
		targets, name := trustedFile[metadata.Targets](t, repo, "targets"), fmt.Sprintf("bin-%0*x", digits, n-1)
		return testing.AllocsPerRun(10, func() {
			_, err := roles.Delegated(targets, n-1, name, roles.Policy{})
			require.NoError(t, err)
		})
	}
	few := count(16, 1)
	require.Equal(t, few, count(4096, 3))
	require.Less(t, few, 16.0)
}

// The number of allocations does not grow with the number of entries, except
// that a few lists grow by doubling. This guards against entries that are
// decoded one by one.
func TestVerifyAllocatesNothingPerMember(t *testing.T) {
	count := func(n int) float64 {
		repo := verifytest.New(verifytest.Options{})
		addListedTargets(repo, n)
		repo.PublishOnly("targets")
		role, err := roles.TopLevel(trustedRoot(t, repo), "targets", roles.Policy{})
		require.NoError(t, err)
		env, err := metadata.Parse[metadata.Targets](newest(repo, "targets"), metadata.Options{})
		require.NoError(t, err)
		return testing.AllocsPerRun(3, func() {
			_, err := roles.Verify(env, role)
			require.NoError(t, err)
		})
	}
	few := count(10)
	require.LessOrEqual(t, count(4000), few+32)
	require.Less(t, few, 16.0)
}

// Two snapshots are compared without decoding equal entries.
func TestCheckSnapshotAllocatesNothingPerFile(t *testing.T) {
	stored, next, listed := longSnapshots(t, 4096)
	n := testing.AllocsPerRun(5, func() { require.NoError(t, roles.CheckSnapshot(stored, next, listed)) })
	require.LessOrEqual(t, n, 4.0)
}

// Finding the keys of a role takes memory in proportion to the file, and not to
// the file for each key. Key IDs may be very long, and escaped.
func TestKeysAreFoundWithinABound(t *testing.T) {
	r := newRepository(t)
	r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
	r.Edit("targets", func(signed map[string]any) {
		delegations := signed["delegations"].(map[string]any)
		keys := map[string]any{}
		for i := range 8 {
			keys[fmt.Sprintf("%d%s", i, strings.Repeat(`\`, 20_000))] = r.Key("x").Object()
		}
		var ids []any
		for i := range 1024 {
			ids = append(ids, fmt.Sprint("4", i))
		}
		delegations["keys"] = keys
		delegations["roles"].([]any)[0].(map[string]any)["keyids"] = ids
	})
	r.Publish()
	targets := r.mustVerifyTargets()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := roles.Delegated(targets, 0, "a", r.policy)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	size := len(parse[metadata.Targets](r, "targets").Payload())
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(40*size), "%d bytes", size)
}
