package main

import (
	"cmp"
	"runtime"
	"slices"
	"time"
)

// sample is what one run took, or a median of several.
type sample struct {
	time   time.Duration
	bytes  uint64 // allocated, in all
	allocs uint64
	peak   uint64 // of the heap, if it was watched
	asked
	least time.Duration // the shortest time, in a median
	most  time.Duration // the longest
	runs  int           // in a median
	err   error         // of the client, if it failed
}

// asked counts what a client fetched: requests, and rounds of requests that
// were made at the same time.
type asked struct{ rounds, requests int }

// measure measures one run. The garbage of earlier runs is collected before.
func measure(run func() (asked, error)) sample {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	asked, err := run()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return sample{
		time:   took,
		bytes:  after.TotalAlloc - before.TotalAlloc,
		allocs: after.Mallocs - before.Mallocs,
		asked:  asked,
		err:    err,
	}
}

// median takes the median of each figure: the result is a typical run, not one
// of the samples.
func median(samples []sample) sample {
	m := samples[0]
	m.runs = len(samples)
	m.time = middle(samples, func(s sample) time.Duration { return s.time })
	m.least, m.most = samples[0].time, samples[0].time
	for _, s := range samples {
		m.least, m.most = min(m.least, s.time), max(m.most, s.time)
		m.err = cmp.Or(m.err, s.err)
	}
	m.bytes = middle(samples, func(s sample) uint64 { return s.bytes })
	m.allocs = middle(samples, func(s sample) uint64 { return s.allocs })
	m.peak = middle(samples, func(s sample) uint64 { return s.peak })
	return m
}

func middle[T cmp.Ordered](samples []sample, figure func(sample) T) T {
	list := make([]T, len(samples))
	for i, s := range samples {
		list[i] = figure(s)
	}
	slices.Sort(list)
	return list[(len(list)-1)/2]
}

// contender is a client, or the yardstick, in a comparison.
type contender struct {
	name string
	run  func() sample
}

// quick is the longest run that is repeated even if time is short: a single one
// would say little.
const quick = 500 * time.Millisecond

// turns says how many turns contenders have. The first turn is never left out.
type turns struct {
	times int
	// until is when all turns should be over. If the next turn, as long as the
	// one before, would end later, only quick contenders go on.
	until time.Time
	// once is the longest run after which a contender has another turn; zero:
	// no limit.
	once        time.Duration
	interrupted func() error
}

// inTurn runs all contenders, then all of them again, so that other work on the
// machine affects each. Quick ones run several times in each turn. It returns a
// median for each, and the number of turns that all contenders had.
func inTurn(t turns, contenders []contender) (medians []sample, full int, err error) {
	samples := make([][]sample, len(contenders))
	last, late := time.Duration(0), false
	for n := range t.times {
		begin := time.Now()
		late = late || n > 0 && begin.Add(last).After(t.until)
		skipped := false
		for i, c := range contenders {
			if n > 0 && t.once > 0 && samples[i][0].time > t.once {
				continue
			}
			if late && samples[i][0].time > quick {
				skipped = true
				continue
			}
			taken, err := oneTurn(c, t.interrupted)
			if err != nil {
				return nil, full, err
			}
			samples[i] = append(samples[i], taken...)
		}
		last = time.Since(begin)
		if !skipped {
			full++
		}
	}
	for _, s := range samples {
		medians = append(medians, median(s))
	}
	return medians, full, nil
}

func oneTurn(c contender, interrupted func() error) (samples []sample, err error) {
	for spent := time.Duration(0); spent < 50*time.Millisecond; {
		if err := interrupted(); err != nil {
			return nil, err
		}
		s := c.run()
		samples = append(samples, s)
		spent += max(s.time, 5*time.Millisecond) // at most ten
	}
	return samples, nil
}

// unsteady reports whether the runs differ so much that the median says little.
func (s sample) unsteady() bool { return s.most > 2*s.least }
