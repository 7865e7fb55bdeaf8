package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The number of allocations does not grow with the number of members, except
// that a few lists grow by doubling. This guards against maps of members,
// copies of names and iterators on the heap.
func TestReadingAllocatesNothingPerMember(t *testing.T) {
	const few, many, doublings = 128, 4096, 32
	plain := verifytest.Options{}
	for _, c := range []struct {
		name string
		of   func(n int) document
	}{
		{"snapshot, versions", func(n int) document { return snapshotDocument("", n, false) }},
		{"snapshot, hashes", func(n int) document { return snapshotDocument("", n, true) }},
		{"targets", func(n int) document { return targetsDocument("", listing(n)) }},
		{"targets, DSSE", func(n int) document { return targetsDocument("", listing(n)).inDSSE() }},
		{"classic bins", func(n int) document { return targetsDocument("", classicBins(n)) }},
		{"patterns", func(n int) document { return targetsDocument("", patterned(n)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			count := func(n int) (parse, unverified float64) {
				d := c.of(n)
				data := d.file(plain)
				decode, err := d.read(data)
				require.NoError(t, err)
				require.NoError(t, decode())
				parse = testing.AllocsPerRun(3, func() { _, _ = d.read(data) })
				unverified = testing.AllocsPerRun(3, func() { _ = decode() })
				return parse, unverified
			}
			fewParse, fewUnverified := count(few)
			manyParse, manyUnverified := count(many)
			t.Logf("Parse %v and %v, Unverified %v and %v", fewParse, manyParse, fewUnverified, manyUnverified)
			require.LessOrEqual(t, manyParse, fewParse+doublings)
			require.LessOrEqual(t, manyUnverified, fewUnverified+doublings)
			require.Less(t, manyParse+manyUnverified, 100.0)
		})
	}
}

// The result of a lookup is a view of the text, and the search reads the text
// in place. This guards against copies of names and entries. Snapshot.File
// allocates the name of the entry.
func TestLookupsAllocateLittle(t *testing.T) {
	const n = 8192
	plain := verifytest.Options{}
	snapshot := unverified[metadata.Snapshot](t, snapshotOf(n, true, plain))
	targets := unverified[metadata.Targets](t, targetsOf(listing(n), plain))
	bins := unverified[metadata.Targets](t, targetsOf(classicBins(n), plain)).Delegations()
	role, path, digest := binName(n/3), targetPath(n/3), digestOf(n/3)
	for _, c := range []struct {
		name string
		most float64
		do   func() bool
	}{
		{"Snapshot.File", 1, func() bool { _, ok := snapshot.File(role); return ok }},
		{"Targets.File", 0, func() bool { _, ok := targets.File(path); return ok }},
		{"Targets.File, absent", 0, func() bool { _, ok := targets.File("absent"); return !ok }},
		{"Delegations.Matching", 1, func() bool {
			for range bins.Matching("", digest, noPattern) {
				return true
			}
			return false
		}},
		{"Delegations.At", 0, func() bool { return bins.At(n-1).Name == "bin-1fff" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.True(t, c.do())
			require.LessOrEqual(t, testing.AllocsPerRun(100, func() { c.do() }), c.most)
		})
	}
}
