package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/tufwalk/tufwalk/verify"
)

// workload is a repository, and the targets that clients look up in it: some
// from the start, and more when they are found.
type workload struct {
	title       string
	layout      layout
	paths, more []string
}

func workloads() []workload {
	const roles = 10_000
	one, more := wheels(0, 1), wheels(1, 101)
	return []workload{
		{"small, ed25519", layout{hashes: true, targets: small}, one, nil},
		{"small, RSA and ECDSA", layout{hashes: true, key: mixed(), targets: small}, one, nil},
		{"100 roots, 2 of 3 keys", layout{roots: 100, targets: small}, one, nil},
		{"10,000 roles with one glob each", layout{targets: globs(roles, 1)}, inGlobs(roles, 0, 1), inGlobs(roles, 1, 101)},
		{"16,384 succinct bins, versions", layout{targets: atPyPI.succinct}, one, more},
		{"16,384 succinct bins, hashes", layout{hashes: true, targets: atPyPI.succinct}, one, more},
		{"16,384 classic bins, versions", layout{targets: atPyPI.classic}, one, more},
		{"16,384 classic bins, hashes", layout{hashes: true, targets: atPyPI.classic}, one, more},
		{"100,000 targets in one role", layout{hashes: true, targets: flat(100_000)}, one, nil},
		{"16,384 roles, 3 of 5 keys each", layout{targets: globs(16_384, 5)}, inGlobs(16_384, 0, 1), inGlobs(16_384, 1, 101)},
	}
}

// starts are the lines of a row of part start, as far as there are more
// targets.
const (
	coldStart = iota
	walkCold
	walkWarm
	tufCold
	tufWarm
	moreTargets
	walkMore
	tufMore
)

// startFormat is a line of the table: the multiples of tufwalk and of go-tuf,
// then how long the yardsticks and tufwalk took.
const startFormat = "%-32s %5s %5s %5s   %5s %5s %5s   %8s %8s %8s   %6s %8s\n"

// start compares cold starts, warm ones, and 100 more lookups, with the
// metadata in memory, on one core.
func (c *comparison) start(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	fmt.Fprint(c.stdout,
		"\nSTART: in multiples of the yardstick of a cold start, and of that of 100 more lookups; one core\n"+
			"-: finds no target; ?: unsteady (from once to over twice as long)\n")
	fmt.Fprintf(c.stdout, startFormat, "", "", "walk", "", "", "tuf", "", "yard", "", "walk", "", "")
	fmt.Fprintf(c.stdout, startFormat,
		"", "cold", "warm", "more", "cold", "warm", "more", "cold", "more", "cold", "rounds", "bytes")
	var rows []row
	all := workloads()
	for i, w := range all {
		if c.late(w.title) {
			continue
		}
		c.progress("building %s", w.title)
		t := c.turns(ctx, len(all)-i)
		t.once = quick
		r, err := c.startRow(t, w, build(w.layout))
		if err != nil {
			return err
		}
		r.printStart(c.stdout)
		r.lines = []line{r.lines[coldStart], r.lines[walkCold], r.lines[tufCold]}
		rows = append(rows, r)
	}
	return c.draw("cold.svg", func(w io.Writer) error { return barChart(w, rows) })
}

// startRow measures one row. go-tuf's warm start reads files in a folder;
// tufwalk's store is in memory.
func (c *comparison) startRow(t turns, w workload, repo *served) (row, error) {
	cold, more, err := newYardsticks(repo, w.paths, w.more)
	if err != nil {
		return row{}, err
	}
	store := memoryStore{}
	if _, err := repo.walkWarm(store, w.paths, false); err != nil { // fills the store
		return row{}, err
	}
	cache, err := c.folder()
	if err != nil {
		return row{}, err
	}
	_, _ = repo.tufWarm(cache, w.paths) // fills the cache; it may find no target
	contenders := []contender{
		coldStart: {yardstickName, cold.measure},
		walkCold: {walkName, func() sample {
			return measure(func() (asked, error) { return repo.walkCold(w.paths, false) })
		}},
		walkWarm: {walkName + ", warm", func() sample {
			return measure(func() (asked, error) { return repo.walkWarm(store, w.paths, false) })
		}},
		tufCold: {goTUFName, func() sample { return c.tufColdSample(repo, w.paths) }},
		tufWarm: {goTUFName + ", warm", func() sample {
			return measure(func() (asked, error) { return repo.tufWarm(cache, w.paths) })
		}},
	}
	if len(w.more) > 0 {
		contenders = append(contenders,
			contender{yardstickName + ", more", more.measure},
			contender{walkName + ", more", func() sample { return repo.walkMore(w.paths, w.more) }},
			contender{goTUFName + ", more", func() sample { return c.tufMore(repo, w.paths, w.more) }})
	}
	r, err := newRow(w.title, cold.bytes, t, contenders)
	if err != nil {
		return row{}, err
	}
	return r, r.judge(repo, append(w.paths, w.more...))
}

// printStart prints a row of part start.
func (r row) printStart(w io.Writer) {
	than := func(i, yardstick int) string {
		switch {
		case i >= len(r.lines):
			return ""
		case r.lines[i].err != nil:
			return "-"
		}
		x := float64(r.lines[i].time) / float64(r.lines[yardstick].time)
		if x >= 10 {
			return fmt.Sprintf("%.0f%s", x, mark(r.lines[i].sample))
		}
		return fmt.Sprintf("%.2f", x)
	}
	moreTime := ""
	if len(r.lines) > moreTargets {
		moreTime = duration(r.lines[moreTargets].time)
	}
	fmt.Fprintf(w, startFormat, r.title,
		than(walkCold, coldStart), than(walkWarm, coldStart), than(walkMore, moreTargets),
		than(tufCold, coldStart), than(tufWarm, coldStart), than(tufMore, moreTargets),
		duration(r.lines[coldStart].time), moreTime, duration(r.lines[walkCold].time),
		fmt.Sprint(r.lines[walkCold].rounds), size(uint64(r.bytes)))
	if y := r.lines[coldStart]; y.unsteady() {
		fmt.Fprintf(w, "    unsteady: the yardstick took between %s and %s; is the machine busy?\n",
			duration(y.least), duration(y.most))
	}
}

// memoryStore is a store in memory: a client's own work is compared, not that
// of a file system.
type memoryStore map[string][]byte

func (m memoryStore) Load(_ context.Context, name string) ([]byte, error) {
	if data, ok := m[name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (m memoryStore) Save(_ context.Context, rec verify.Record) error {
	m[rec.StoreName] = rec.Data
	return nil
}

func (r *served) walkWarm(store memoryStore, paths []string, ahead bool) (asked, error) {
	w, err := r.newWarmWalker(r.fromMemory, options(ahead), store)
	if err != nil {
		return asked{}, err
	}
	_, err = w.resolve(paths)
	return w.asked, err
}

// walkMore measures lookups that come after others.
func (r *served) walkMore(paths, more []string) sample {
	w, err := r.newWalker(r.fromMemory, options(false))
	if err != nil {
		return sample{err: err}
	}
	if _, err := w.resolve(paths); err != nil {
		return sample{err: err}
	}
	return measure(func() (asked, error) {
		w.asked = asked{}
		_, err := w.resolve(more)
		return w.asked, err
	})
}

func (r *served) tufWarm(cache string, paths []string) (asked, error) {
	t, err := r.newTUF(memory{r}, memoryURL, cache, true)
	if err != nil {
		return asked{}, err
	}
	_, err = t.resolve(paths)
	return t.fetcher.asked, err
}

// tufMore measures lookups that come after others.
func (c *comparison) tufMore(repo *served, paths, more []string) sample {
	folder, err := c.folder()
	if err != nil {
		return sample{err: err}
	}
	t, err := repo.newTUF(memory{repo}, memoryURL, folder, false)
	if err != nil {
		return sample{err: err}
	}
	if _, err := t.resolve(paths); err != nil {
		return sample{err: err}
	}
	return measure(func() (asked, error) {
		for _, path := range more {
			if _, err := t.updater.GetTargetInfo(path); err != nil {
				return asked{}, err
			}
		}
		return asked{}, nil
	})
}
