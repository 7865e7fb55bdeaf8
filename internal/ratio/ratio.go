// Package ratio compares two pieces of work in a benchmark.
package ratio

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// InTurn reports how many times the floor something costs: the ratio of the
// medians of runs in turn, which other work on the machine slows down alike.
func InTurn(b *testing.B, ours, floor func()) {
	b.Run("ratio", func(b *testing.B) {
		var a, f []time.Duration
		for b.Loop() {
			a = append(a, timed(ours))
			runtime.GC() // what one has left behind is not for the other to clear away
			f = append(f, timed(floor))
			runtime.GC()
		}
		slices.Sort(a)
		slices.Sort(f)
		b.ReportMetric(float64(a[len(a)/2])/float64(f[len(f)/2]), "x-floor")
		b.ReportMetric(0, "ns/op") // it would be the sum of both
	})
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
