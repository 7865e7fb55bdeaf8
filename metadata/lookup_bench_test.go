package metadata_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The least work of a lookup, "yardstick", is a binary search in a sorted list
// of decoded strings.

func BenchmarkSnapshotFile(b *testing.B) {
	for _, n := range []int{100, 16_384} {
		s := unverified[metadata.Snapshot](b, snapshotOf(n, true, verifytest.Options{}))
		lookups(b, n, binName, func(name string) bool {
			_, ok := s.File(name)
			return ok
		})
	}
}

func BenchmarkTargetsFile(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		t := unverified[metadata.Targets](b, targetsOf(listing(n), verifytest.Options{}))
		lookups(b, n, targetPath, func(path string) bool {
			_, ok := t.File(path)
			return ok
		})
	}
}

func BenchmarkMatching(b *testing.B) {
	for _, n := range []int{256, 16_384, 65_536} {
		d := unverified[metadata.Targets](b, targetsOf(classicBins(n), verifytest.Options{})).Delegations()
		lookups(b, n, digestOf, func(digest string) bool { return len(matching(d, digest)) == 1 })
	}
}

// matching returns the positions of the roles that match a digest.
func matching(d *metadata.Delegations, digest string) (roles []int) {
	for i := range d.Matching("", digest, noPattern) {
		roles = append(roles, i)
	}
	return roles
}

func noPattern(string) (bool, error) { return false, nil }

func lookups(b *testing.B, n int, name func(int) string, find func(string) bool) {
	names := make([]string, n)
	for i := range names {
		names[i] = name(i)
	}
	sorted := slices.Sorted(slices.Values(names))
	cycle := func(find func(string) bool) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !find(names[i*7919%n]) { // in an order that the cache cannot predict
					b.Fatal("not found")
				}
			}
		}
	}
	b.Run(fmt.Sprintf("%d/tufwalk", n), cycle(find))
	b.Run(fmt.Sprintf("%d/yardstick", n), cycle(func(name string) bool {
		_, ok := slices.BinarySearch(sorted, name)
		return ok
	}))
}
