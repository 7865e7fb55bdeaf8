package verify_test

import (
	"flag"
	"fmt"
	"maps"
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
	manyHistories = flag.Int("histories", 0, "how many random histories TestModel plays; 0: a thousand or so")
	firstHistory  = flag.Uint64("first", 1, "the seed of the first of them")
	oneHistory    = flag.Uint64("history", 0, "the one seed that TestModel plays, and prints")
)

// fewHistories is how many are played if nobody asks for more.
var fewHistories = 1200

// manyOr is how many histories to play: as many as asked for, otherwise n, or
// few with -short.
func manyOr(n, few int) int {
	switch {
	case *manyHistories > 0:
		return *manyHistories
	case testing.Short():
		return min(n, few)
	}
	return min(n, fewHistories) // fewer with the race detector
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
	n := manyOr(fewHistories, 500)
	requireOutcomes(t, n, compareAll(t, n), allOutcomes)
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
