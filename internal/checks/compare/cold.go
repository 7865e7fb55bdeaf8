package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// workload is a repository, and what clients want of it.
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

// atPyPI is about the size of PyPI, with bins of 35 kB.
var atPyPI = bins{bits: 14, wheels: 100, others: 150}

var workloads = []workload{
	{"16,384 classic bins, with hashes", true, atPyPI.classic, []want{{"", wheels(1)}, {", 100 targets", wheels(100)}}},
	{"16,384 succinct bins, with hashes", true, atPyPI.succinct, []want{{"", wheels(1)}, {", 100 targets", wheels(100)}}},
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
	f, err := newFloor(repo, paths)
	if err != nil {
		return row{}, err
	}
	contenders := []contender{
		{floorName, func() sample { return measure(func() (asked, error) { return asked{}, f.check() }) }},
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
	r, err := newRow(title, f.bytes, t, contenders)
	if err != nil {
		return row{}, err
	}
	return r, r.judge(repo, paths)
}

// judge recognises known faults, and returns an error if there is one of ours.
func (r row) judge(repo *served, paths []string) error {
	for i := range r.lines {
		if strings.HasPrefix(r.lines[i].client, goTUFName) {
			r.lines[i].err = repo.known(r.lines[i].err, paths)
		}
	}
	return r.mustHaveWorked()
}

// mustHaveWorked returns an error if the floor or tufwalk failed. What go-tuf
// cannot do is a result.
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
