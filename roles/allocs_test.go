package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// What a role needs is found by its position or in its name. A guard against
// reading other roles of the list.
func TestRolesAllocateTheSameInAnyNumberOfBins(t *testing.T) {
	count := func(n, digits int) float64 {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().DelegateBins("bin", n)
		repo.PublishOnly("targets")
		targets, name := benchTargets(t, repo), fmt.Sprintf("bin-%0*x", digits, n-1)
		return testing.AllocsPerRun(10, func() {
			_, err := roles.Delegated(targets, n-1, name, roles.Policy{})
			require.NoError(t, err)
		})
	}
	few := count(16, 1)
	require.Equal(t, few, count(4096, 3))
	require.Less(t, few, 16.0)
}

// A file is opened in memory for its payload and what grows by doubling. A
// guard against entries that are kept one by one.
func TestOpenAllocatesNothingPerMember(t *testing.T) {
	count := func(n int) float64 {
		repo := verifytest.New(verifytest.Options{})
		for i := range n {
			repo.Targets().AddTargetInfo(fmt.Sprintf("packages/%05d.whl", i), 1, map[string]string{"sha256": strings.Repeat("0a", 32)})
		}
		repo.PublishOnly("targets")
		role, err := roles.TopLevel(benchAnchor(t, repo), "targets", roles.Policy{})
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

// Two snapshots are compared where they stand. A guard against decoding the
// entries of either for each entry of the other.
func TestCheckSnapshotAllocatesNothingPerFile(t *testing.T) {
	old, next, pin := longSnapshots(t, 4096)
	require.LessOrEqual(t, testing.AllocsPerRun(5, func() { require.NoError(t, roles.CheckSnapshot(old, next, pin)) }), 4.0)
}
