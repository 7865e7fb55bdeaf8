package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

// refreshes is how often the view is refreshed, and oneIn how many of its bins
// one is another one each time.
const (
	refreshes = 1000
	oneIn     = 100
)

// longView is a program that runs long: all bins are loaded, and the repository
// goes on.
type longView struct {
	title  string
	limit  int64 // verify.Limits.MaxRetainedBytes
	points []refreshed
}

// refreshed is what one refresh took.
type refreshed struct {
	n        int
	time     time.Duration // Renew, the update, and a lookup in each changed bin
	requests int
	heap     uint64 // in use after a collection, without the repository itself
}

// refresh plays a long-lived view, with a limit that all bins fit in, and with
// a smaller one.
func (c *comparison) refresh(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	fmt.Fprintf(c.stdout, "\nREFRESH: 16,384 succinct bins, all loaded, refreshed %s times; "+
		"each time 1 in %d is another one\n", grouped(refreshes), oneIn)
	const format = "%-26s %9s %10s %12s %12s\n"
	fmt.Fprintf(c.stdout, format, "", "refresh", "requests", "time", "heap")
	views := []*longView{
		{title: "limit 64 MB: all retained", limit: 64_000_000}, {title: "limit 4 MB", limit: 4_000_000},
	}
	for _, v := range views {
		c.progress("refreshing, %s", v.title)
		if err := v.play(ctx, 14, refreshes); err != nil {
			return err
		}
		for _, p := range v.points {
			if p.n == 0 || p.n == 1 || p.n == 10 || p.n == 100 || p.n == refreshes {
				fmt.Fprintf(c.stdout, format, v.title, grouped(uint64(p.n)), grouped(uint64(p.requests)),
					duration(p.time), size(p.heap))
			}
		}
	}
	return c.draw("refresh.svg", func(w io.Writer) error { return refreshChart(w, views) })
}

// play loads all bins, and refreshes the view so many times.
func (v *longView) play(ctx context.Context, bits, times int) error {
	r := newMoving(bits)
	before := liveHeap()
	options := options(false)
	options.Limits.MaxRetainedBytes = v.limit
	s, err := verify.New(r.trustedRoot, verify.Stored{}, r.now, options)
	if err != nil {
		return err
	}
	for n := range times + 1 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		paths := r.paths
		if n > 0 {
			paths = r.publish(n)
		}
		p := refreshed{n: n}
		start := time.Now()
		if n > 0 {
			if s, err = s.Renew(verify.Stored{}, r.now); err != nil {
				return err
			}
		}
		w := &walker{session: s, fetch: r.fromMemory}
		if _, err := w.resolve(paths); err != nil {
			return fmt.Errorf("refresh %d: %w", n, err)
		}
		p.time, p.requests = time.Since(start), w.requests
		if v.samples(n) {
			p.heap = liveHeap() - min(before, liveHeap())
		}
		v.points = append(v.points, p)
	}
	return nil
}

// samples says whether the heap is looked at after a refresh.
func (v *longView) samples(n int) bool { return n <= 10 || n%50 == 0 }

// liveHeap returns the bytes of all objects that are in use.
func liveHeap() uint64 {
	runtime.GC()
	return heap()
}

// moving is a repository with succinct bins that goes on: from time to time
// some bins are other ones.
type moving struct {
	*maker
	bins     bins
	key      *signer
	paths    []string // one for each bin
	versions []int    // of the bins
	version  int      // of timestamp and snapshot
}

// newMoving makes a repository in which each bin has one target.
func newMoving(bits int) *moving {
	r := &moving{bins: bins{bits: bits}, paths: make([]string, 1<<bits), versions: make([]int, 1<<bits)}
	for i, missing := 0, len(r.paths); missing > 0; i++ {
		if n := r.bins.number(wheel(i)); r.paths[n] == "" {
			r.paths[n] = wheel(i)
			missing--
		}
	}
	build(layout{targets: func(m *maker) object {
		r.maker, r.key = m, m.key("bin")
		for n := range r.paths {
			r.addBin(n)
		}
		roles := roleOf(1, r.key)
		roles["bit_length"], roles["name_prefix"] = bits, "bin"
		return object{"targets": object{}, "delegations": object{"keys": keysOf(r.key), "succinct_roles": roles}}
	}})
	r.version = 1
	return r
}

// addBin adds the next version of a bin, in place of the last one.
func (r *moving) addBin(n int) {
	name := r.bins.name(n)
	delete(r.metadata, fmt.Sprint(r.versions[n], ".", name, ".json"))
	r.versions[n]++
	v := r.versions[n]
	content := object{"targets": object{r.paths[n]: targetOf(fmt.Sprint("content ", v))}}
	r.add(fmt.Sprint(v, ".", name, ".json"), header("targets", v, content), false, r.key)
	r.meta[name+".json"] = object{"version": v}
	clear(r.needed) // only the yardstick needs it
}

// publish publishes the next state, and returns the paths in the bins that are
// other ones. These move through all bins.
func (r *moving) publish(n int) (changed []string) {
	each := max(len(r.paths)/oneIn, 1)
	for i := range each {
		bin := (n*each + i) % len(r.paths)
		r.addBin(bin)
		changed = append(changed, r.paths[bin])
	}
	delete(r.metadata, fmt.Sprint(r.version, ".snapshot.json"))
	r.version++
	snapshot := header("snapshot", r.version, object{"meta": r.meta})
	r.add(fmt.Sprint(r.version, ".snapshot.json"), snapshot, false, r.maker.key("snapshot"))
	meta := object{"snapshot.json": object{"version": r.version}}
	r.add("timestamp.json", header("timestamp", r.version, object{"meta": meta}), false, r.maker.key("timestamp"))
	return changed
}
