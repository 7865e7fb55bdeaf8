package verify_test

import (
	"io"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A target is checked in the buffer that its bytes pass through: 64 times as many take no more memory.
func TestCopyTakesConstantMemory(t *testing.T) {
	const megabyte = 1 << 20
	small := allocatedByCopy(t, megabyte)
	large := allocatedByCopy(t, 64*megabyte)
	t.Logf("%d bytes allocated for 1 MiB, %d for 64 MiB", small, large)
	require.Less(t, large, small+16<<10)
	require.Less(t, large, int64(128<<10)) // io.Copy's buffer is 32 KiB of it
}

// allocatedByCopy returns how many bytes are allocated while a target of that size is copied: the least of some runs, as others
// may allocate at the same time.
func allocatedByCopy(t *testing.T, size int64) int64 {
	target := targetOfZeros(t, size)
	least := int64(math.MaxInt64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, target.Copy(io.Discard, zeros(size)))
		runtime.ReadMemStats(&after)
		least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
	}
	return least
}

// A lookup whose roles are trusted allocates itself, its trail and its answer, in any number of bins. A guard against decoding or
// verifying anything again, and against walking through the bins.
func TestTrustedLookupsAllocateTheSameInAnyNumberOfBins(t *testing.T) {
	const most = 24
	for _, kind := range binKinds {
		t.Run(kind.name, func(t *testing.T) {
			for _, bits := range []int{4, 10} {
				paths := somePaths(1)
				m := serve(t, verifytest.Options{MetaHashes: true}, kind.build(bits, paths), paths...)
				s := m.session(t, nil)
				m.find(t, s, nil, m.source)
				n := testing.AllocsPerRun(50, func() { findTrusted(t, s, paths[0]) })
				t.Logf("%d bins: %v", 1<<bits, n)
				require.LessOrEqual(t, n, float64(most))
			}
		})
	}
}
