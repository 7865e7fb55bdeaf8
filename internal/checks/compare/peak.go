package main

import (
	"runtime/metrics"
	"sync"
	"time"
)

// watched is measure, and also watches the heap during the run.
func watched(run func() error) sample {
	var peak uint64
	s := measure(func() (asked, error) {
		base := heap()
		stop := make(chan struct{})
		var done sync.WaitGroup
		done.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for {
				peak = max(peak, heap())
				select {
				case <-stop:
					peak = max(peak, heap()) - base
					return
				case <-tick.C:
				}
			}
		})
		err := run()
		close(stop)
		done.Wait()
		return asked{}, err
	})
	s.peak = peak
	return s
}

// heap returns the bytes of all objects on the heap, with dead ones that are
// not yet collected.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
