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
)

var (
	manyHistories = flag.Int("histories", 0, "how many random histories TestModel plays; 0: a few thousand")
	firstHistory  = flag.Uint64("first", 1, "the seed of the first of them")
	oneHistory    = flag.Uint64("history", 0, "the one seed that TestModel plays, and tells")
)

// fewHistories is how many are played if nobody asks for more.
var fewHistories = 3000

// Seeds that show something which few others do: that a mistake was made in the
// library on purpose, of the sort named. Whoever changes package histories has
// to look for others, since the same seed is another history then.
var regressions = []struct {
	seed uint64
	why  string
}{
	{332, "that a file may be shorter than it is listed"},
	{383, "that a new root needs no signatures of the old one's keys"},
	{484, "that a role which was taken for one delegator serves all"},
	{571, "that the expiry of a new timestamp counts in the place of the kept one's"},
	{920, "that a snapshot at hand is not judged again in the next cycle"},
	{1929, "that a floor counts under the key IDs in it only"},
}

// TestModel plays random histories to the library and to a second verifier that
// was written apart from it (internal/model). They must agree on every body
// that is offered, on what is asked for, saved and trusted, and on what every
// search finds.
//
// -histories N plays N of them, those from -first SEED on; -history SEED tells
// a single one.
func TestModel(t *testing.T) {
	if *oneHistory != 0 {
		d := play(*oneHistory)
		t.Logf("%s\n\n%s", d.w.Story(), tallied(d.seen))
		require.NoError(t, d.fault)
		return
	}
	for _, r := range regressions {
		d := play(r.seed)
		require.NoError(t, d.fault, "history %d, which showed %s", r.seed, r.why)
	}
	n := *manyHistories
	if n == 0 {
		n = fewHistories
		if testing.Short() {
			n = min(n, 300)
		}
	}
	seen := playAll(t, n)
	requireOutcomes(t, n, seen, allOutcomes)
}

// requireOutcomes makes sure that many histories show enough. A few, of
// somebody who tries things out, need not.
func requireOutcomes(t *testing.T, n int, seen map[string]int, want []string) {
	t.Logf("%d histories\n%s", n, tallied(seen))
	if n < 200 {
		return
	}
	for _, what := range want {
		require.Positive(t, seen[what], "no history comes to this: %s", what)
	}
}

// tallied is a line for each outcome.
func tallied(seen map[string]int) string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		fmt.Fprintf(&b, "%8d  %s\n", seen[what], what)
	}
	return b.String()
}

// playAll plays n histories, and counts what they came to.
func playAll(t *testing.T, n int) map[string]int {
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
				d := play(seed)
				mutex.Lock()
				for what, times := range d.seen {
					seen[what] += times
				}
				if d.fault != nil {
					faults.Add(1)
					t.Errorf("history %d: %v\ngo test ./verify -run TestModel -v -history %d tells it", seed, d.fault, seed)
				}
				mutex.Unlock()
			}
		})
	}
	wait.Wait()
	return seen
}

// allOutcomes is what some of a few hundred histories have to come to, or they
// show less than they seem to.
var allOutcomes = slices.Concat(
	outcomes("root", "timestamp", "snapshot", "targets", "delegated role"),
	[]string{
		"cycle: succeeded", "cycle: the roots end below the saved one", "cycle: the last root has expired", "cycle: a limit was reached", "cycle: a file could not be had",
		"lookup: found in targets", "lookup: found in a delegated role", "lookup: no role lists the target", "lookup: a limit was reached", "lookup: a role is not in the snapshot", "lookup: a file could not be had",
		"anchor: refused", "spoilt and taken", "saved copy taken", "saved file damaged",
	},
)

func outcomes(roles ...string) (list []string) {
	for _, r := range roles {
		list = append(list, fmt.Sprintf("%s: taken", r), fmt.Sprintf("%s: refused", r))
	}
	return list
}
