package verify_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/model"
)

var (
	manyHistories = flag.Int("histories", 0, "how many random histories TestModel plays; 0: a few thousand")
	firstHistory  = flag.Uint64("first", 1, "the seed of the first of them")
	oneHistory    = flag.Uint64("history", 0, "the one seed that TestModel plays, and prints")
)

// fewHistories is how many are played if nobody asks for more.
var fewHistories = 3000

// regressions are seeds whose histories found a mistake that was made in the
// library on purpose, which few others do. A change of package histories makes
// other histories of them. So what happened is written down in a script of its
// own, too.
var regressions = []struct {
	seed    uint64
	mistake string
	script  string // in testdata/script
}{
	{332, "a file shorter than its listed length is accepted", "listed-length"},
	{383, "a new root needs no signatures by the old root's keys", "bad-root"},
	{484, "a role that is trusted for one delegator is trusted for all", "diamond"},
	{571, "of two timestamps with one version, the new one's expiry counts", "equal-timestamp"},
	{920, "a snapshot from the last update is not checked again", "reused-snapshot"},
	{1128, "a stored file counts only under the key IDs that are in it", "renamed-key"},
}

// manyOr is how many histories to play: as many as asked for, otherwise n, or
// few with -short.
func manyOr(n, few int) int {
	switch {
	case *manyHistories > 0:
		return *manyHistories
	case testing.Short():
		return min(n, few)
	}
	return n
}

// TestModel plays random histories to the library and to a second verifier,
// which shares no code with it (internal/model). They must agree on every body
// that is offered, on what is asked for, saved and trusted, and on the result
// of every lookup.
//
// -histories N plays N of them, from -first SEED on. -history SEED plays one
// and prints it.
func TestModel(t *testing.T) {
	if *oneHistory != 0 {
		d := compareHistory(*oneHistory)
		t.Logf("%s\n\n%s", d.w.Story(), tallied(d.seen))
		require.NoError(t, d.fault)
		return
	}
	for _, r := range regressions {
		d := compareHistory(r.seed)
		require.NoError(t, d.fault, "history %d, which found that %s", r.seed, r.mistake)
		text, err := os.ReadFile("testdata/script/" + r.script + ".txt")
		require.NoError(t, err)
		require.Contains(t, string(text), fmt.Sprintf("TestModel, seed %d", r.seed))
	}
	n := manyOr(fewHistories, 500)
	seen := compareAll(t, n)
	requireOutcomes(t, n, seen, allOutcomes)
}

// requireOutcomes checks that many histories come to every outcome. A few need
// not.
func requireOutcomes(t *testing.T, n int, seen map[string]int, want []string) {
	t.Logf("%d histories\n%s", n, tallied(seen))
	if n < 200 {
		return
	}
	for _, what := range want {
		require.Positive(t, seen[what], "no history comes to this: %s", what)
	}
}

// tallied returns a line for each outcome.
func tallied(seen map[string]int) string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		fmt.Fprintf(&b, "%8d  %s\n", seen[what], what)
	}
	return b.String()
}

// compareAll plays n histories, and counts what they came to.
func compareAll(t *testing.T, n int) map[string]int {
	var (
		next   atomic.Uint64
		faults atomic.Int32
		wait   sync.WaitGroup
		mutex  sync.Mutex
		seen   = map[string]int{}
	)
	next.Store(*firstHistory - 1)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for faults.Load() < 5 {
				seed := next.Add(1)
				if seed >= *firstHistory+uint64(n) {
					return
				}
				d := compareHistory(seed)
				mutex.Lock()
				for what, times := range d.seen {
					seen[what] += times
				}
				if d.fault != nil {
					faults.Add(1)
					t.Errorf("history %d: %v\ngo test ./verify -run TestModel -v -history %d prints it",
						seed, d.fault, seed)
				}
				mutex.Unlock()
			}
		})
	}
	wait.Wait()
	return seen
}

// allOutcomes are the outcomes that some of a few hundred histories must come
// to.
var allOutcomes = slices.Concat(
	outcomes("%s: accepted", "root", "timestamp", "snapshot", "targets", "delegated role", "confirmation"),
	outcomes("%s: rejected", "root", "timestamp", "snapshot", "targets", "delegated role", "confirmation"),
	outcomes("update: %v",
		"succeeded", model.ErrRollback, model.ErrExpired, model.ErrLimit, model.ErrFetch),
	outcomes("lookup: %v",
		"found in targets", "found in a delegated role",
		model.ErrNoTarget, model.ErrLimit, model.ErrUnlisted, model.ErrFetch, model.ErrUndecided),
	[]string{
		"no target, certain: true", "no target, certain: false",
		"trusted root: rejected", "corrupt and accepted", "saved copy accepted", "saved file damaged",
	},
)

func outcomes(format string, of ...any) (list []string) {
	for _, what := range of {
		list = append(list, fmt.Sprintf(format, what))
	}
	return list
}
