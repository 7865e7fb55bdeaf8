package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A file costs memory for its bytes and for what grows by doubling, and nothing
// for each of its members: a hundred times as many may take a few steps more. A
// guard against maps of members, strings of names, and iterators that land on
// the heap.
func TestReadingAllocatesNothingPerMember(t *testing.T) {
	const few, many, doublings = 128, 4096, 32
	plain := verifytest.Options{}
	for _, c := range []struct {
		name string
		of   func(n int) document
	}{
		{"snapshot, versions", func(n int) document {
			return documentOf[metadata.Snapshot]("", func(o verifytest.Options) []byte { return snapshotOf(n, false, o) })
		}},
		{"snapshot, hashes", func(n int) document {
			return documentOf[metadata.Snapshot]("", func(o verifytest.Options) []byte { return snapshotOf(n, true, o) })
		}},
		{"targets", func(n int) document { return targetsDocument("", listing(n)) }},
		{"targets, DSSE", func(n int) document {
			return documentAs[metadata.Targets]("", metadata.DSSE, func(o verifytest.Options) []byte { return targetsOf(listing(n), o) })
		}},
		{"classic bins", func(n int) document { return targetsDocument("", classicBins(n)) }},
		{"patterns", func(n int) document { return targetsDocument("", patterned(n)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			count := func(n int) (parse, unverified float64) {
				d := c.of(n)
				data := d.make(plain)
				decode, err := d.parse(data)
				require.NoError(t, err)
				require.NoError(t, decode())
				return testing.AllocsPerRun(3, func() { _, _ = d.parse(data) }), testing.AllocsPerRun(3, func() { _ = decode() })
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

// The answer to a lookup is a view on the text, and what the search passes on
// its way is read in place: a guard against copies of names and entries.
// Snapshot.File makes the file's name of the role's.
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
			for range bins.Matching(digest, func(string) bool { return false }) {
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
