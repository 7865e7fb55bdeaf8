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

// A role's keys are found among those of the file in memory that grows with the
// file, and not with the file for each key: key IDs may be very long, and
// escaped.
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
	targets := r.mustOpenTargets()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := roles.Delegated(targets, 0, "a", r.policy)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	size := len(parse[metadata.Targets](r, "targets").Payload())
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(40*size), "%d bytes", size)
}
