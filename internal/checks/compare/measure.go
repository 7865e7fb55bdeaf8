package main

import (
	"cmp"
	"runtime"
	"slices"
	"time"
)

// sample is what one run took.
type sample struct {
	time   time.Duration
	bytes  uint64 // allocated, in all
	allocs uint64
	peak   uint64 // of the heap, where it is watched
	asked
	least time.Duration // of the times, in a median
	most  time.Duration
	runs  int   // in a median
	err   error // what a client that could not do it said
}

// asked is what a client had to fetch: how many files, and in how many rounds
// of requests that were under way together.
type asked struct{ rounds, requests int }

// measure runs something once. The garbage of earlier runs is not its business.
func measure(run func() (asked, error)) sample {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	asked, err := run()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return sample{time: took, bytes: after.TotalAlloc - before.TotalAlloc, allocs: after.Mallocs - before.Mallocs, asked: asked, err: err}
}

// median takes each figure's: it is a typical run, and no single one.
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

// contender is one of those that are compared.
type contender struct {
	name string
	run  func() sample
}

// quick is how long a run takes that is repeated even when time is short: a
// single one would say little.
const quick = 500 * time.Millisecond

// turns says how often contenders run. The first turn is never left out.
type turns struct {
	times       int
	until       time.Time     // once a turn as long as the one before would end later, only quick contenders go on
	once        time.Duration // who takes longer than that has no further turn; zero: nobody
	interrupted func() error
}

// inTurn runs all contenders, then all of them again, so that what else the
// machine does meets each. Those that are quick run several times when it is
// their turn. It returns a median for each, and how many turns there were for
// all.
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

// unsteady says whether the runs of a median differ so much that it says
// little.
func (s sample) unsteady() bool { return s.most > 2*s.least }
