package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// workload is a repository, and the targets that clients look up in it.
type workload struct {
	title  string
	hashes bool
	fill   func(*verifytest.Repo)
	wants  []want
}

type want struct {
	title string
	paths []string
}

// atPyPI has about the size of PyPI, with bins of 35 kB.
var atPyPI = bins{bits: 14, wheels: 100, others: 150}

var oneAndHundred = []want{{"", wheels(1)}, {", 100 targets", wheels(100)}}

var workloads = []workload{
	{"16,384 classic bins, with hashes", true, atPyPI.classic, oneAndHundred},
	{"16,384 succinct bins, with hashes", true, atPyPI.succinct, oneAndHundred},
	{"16,384 succinct bins, versions only", false, atPyPI.succinct, []want{{"", wheels(1)}}},
	{"10,000 roles with one glob each", false, globs, []want{{"", []string{"dir-09999/x"}}}},
	{"100 new roots", false, roots(100), []want{{"", []string{"top"}}}},
}

// cold compares cold starts, with the metadata in memory.
func (c *comparison) cold(ctx context.Context) error {
	var rows []row
	left := 0
	for _, w := range workloads {
		left += len(w.wants)
	}
	printHead(c.stdout, "COLD: from one root file to resolved targets, metadata in memory", "rounds", "requests")
	for _, w := range workloads {
		if c.late(w.title) {
			continue
		}
		c.progress("building %s", w.title)
		repo := build(w.hashes, w.fill)
		for _, want := range w.wants {
			if c.late(w.title + want.title) {
				continue
			}
			r, err := c.coldRow(c.turns(ctx, left), w.title+want.title, repo, want.paths, true)
			left--
			if err != nil {
				return err
			}
			r.print(c.stdout)
			rows = append(rows, r)
		}
	}
	return c.draw("cold.svg", func(w io.Writer) error { return barChart(w, rows) })
}

// coldRow measures one row; withTUF says whether go-tuf takes part.
func (c *comparison) coldRow(t turns, title string, repo *served, paths []string, withTUF bool) (row, error) {
	y, err := newYardstick(repo, paths)
	if err != nil {
		return row{}, err
	}
	contenders := []contender{
		{yardstickName, func() sample { return measure(func() (asked, error) { return asked{}, y.check() }) }},
		{walkName, func() sample { return measure(func() (asked, error) { return repo.walkCold(paths, false) }) }},
		{aheadName, func() sample { return measure(func() (asked, error) { return repo.walkCold(paths, true) }) }},
	}
	if withTUF {
		contenders = append(contenders, contender{goTUFName, func() sample {
			folder, err := c.folder()
			if err != nil {
				return sample{err: err}
			}
			return measure(func() (asked, error) { return repo.tufCold(folder, paths) })
		}})
	}
	r, err := newRow(title, y.bytes, t, contenders)
	if err != nil {
		return row{}, err
	}
	return r, r.judge(repo, paths)
}

// judge recognizes known faults of go-tuf, and returns an error if anything
// else failed.
func (r row) judge(repo *served, paths []string) error {
	for i := range r.lines {
		if strings.HasPrefix(r.lines[i].client, goTUFName) {
			r.lines[i].err = repo.known(r.lines[i].err, paths)
		}
	}
	return r.mustHaveWorked()
}

// mustHaveWorked returns an error if the yardstick or tufwalk failed. If go-tuf
// cannot do something, that is a result.
func (r row) mustHaveWorked() error {
	for _, l := range r.lines {
		if l.err != nil && !strings.HasPrefix(l.client, goTUFName) {
			return fmt.Errorf("%s, %s: %w", r.title, l.client, l.err)
		}
	}
	return nil
}

func (r *served) walkCold(paths []string, ahead bool) (asked, error) {
	w, err := r.newWalker(r.fromMemory, options(ahead))
	if err != nil {
		return asked{}, err
	}
	_, err = w.resolve(paths)
	return w.asked, err
}

func (r *served) tufCold(folder string, paths []string) (asked, error) {
	t, err := r.newTUF(memory{r}, memoryURL, folder, false)
	if err != nil {
		return asked{}, err
	}
	_, err = t.resolve(paths)
	return t.fetcher.asked, err
}
