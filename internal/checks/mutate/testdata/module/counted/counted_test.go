package counted

import (
	"runtime"
	"testing"
)

func TestSmall(t *testing.T) {
	for n, want := range map[int]bool{9: true, 10: false} {
		if Small(n) != want {
			t.Error(n)
		}
	}
}

func TestSmallAllocatesNothing(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Small(3)
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n != 0 {
		t.Errorf("%d allocations", n)
	}
}
