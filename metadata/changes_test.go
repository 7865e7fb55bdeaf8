package metadata_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// snapshotListing returns a snapshot that lists the given versions.
func snapshotListing(t *testing.T, files map[string]int) *metadata.Snapshot {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, fmt.Sprintf(`%q:{"version":%d}`, name, files[name]))
	}
	return mustDecode[metadata.Snapshot](t, `{"_type":"snapshot","expires":"2030-01-02T00:00:00Z",`+
		`"meta":{`+strings.Join(list, ",")+`},"spec_version":"1.0.34","version":7}`)
}

// Changes gives the same result as looking up every file.
func TestChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"a.json", "a b.json", "a!.json", `a".json`, `a\.json`, "é.json", "zz.json", "1.json", "Z.json"}
	random := func() map[string]int {
		files := map[string]int{"targets.json": 1 + rng.IntN(2)}
		for _, name := range names {
			if n := rng.IntN(4); n > 0 {
				files[name] = n
			}
		}
		return files
	}
	for range 2000 {
		before, after := random(), random()
		older, newer := snapshotListing(t, before), snapshotListing(t, after)
		got := map[string][2]int64{}
		last := ""
		for c := range metadata.Changes(older, newer) {
			require.Greater(t, c.Name, last)
			last = c.Name
			got[c.Name] = [2]int64{c.Old.Version, c.New.Version}
		}
		want := map[string][2]int64{}
		for name, v := range before {
			if after[name] != v {
				want[name] = [2]int64{int64(v), int64(after[name])}
			}
		}
		require.Equal(t, want, got, "%v %v", before, after)
	}
}

// The names of the newer snapshot are compared in place. Here one of them is as
// long as a file may be, and each of many older names comes before it.
func TestChangesReadsNoNameAgainAndAgain(t *testing.T) {
	const n = 200_000
	before := map[string]int{"targets.json": 1}
	for i := range n {
		before[fmt.Sprintf("a%06d", i)] = 1
	}
	older := snapshotListing(t, before)
	newer := snapshotListing(t, map[string]int{strings.Repeat("b", 4_000_000): 1, "targets.json": 1})
	gone := 0
	for range metadata.Changes(older, newer) {
		gone++
	}
	require.Equal(t, n, gone)
}
