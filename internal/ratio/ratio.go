// Package ratio compares two pieces of work in a benchmark.
package ratio

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// InTurn reports the time of ours in multiples of the yardstick's: the ratio of
// the medians of runs in turn, so that other work on the machine slows down
// both.
func InTurn(b *testing.B, ours, yardstick func()) {
	b.Run("ratio", func(b *testing.B) {
		var a, y []time.Duration
		for b.Loop() {
			a = append(a, timed(ours))
			runtime.GC() // neither collects the garbage of the other
			y = append(y, timed(yardstick))
			runtime.GC()
		}
		slices.Sort(a)
		slices.Sort(y)
		b.ReportMetric(float64(a[len(a)/2])/float64(y[len(y)/2]), "x-yardstick")
		b.ReportMetric(0, "ns/op") // hides ns/op, which would be the sum of both
	})
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
