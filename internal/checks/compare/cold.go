package main

import (
	"fmt"
	"strings"
)

// coldRow measures one row; withTUF says whether go-tuf takes part.
func (c *comparison) coldRow(t turns, title string, repo *served, paths []string, withTUF bool) (row, error) {
	y, _, err := newYardsticks(repo, paths, nil)
	if err != nil {
		return row{}, err
	}
	contenders := []contender{
		{yardstickName, y.measure},
		{walkName, func() sample { return measure(func() (asked, error) { return repo.walkCold(paths, false) }) }},
		{aheadName, func() sample { return measure(func() (asked, error) { return repo.walkCold(paths, true) }) }},
	}
	if withTUF {
		contenders = append(contenders, contender{goTUFName, func() sample { return c.tufColdSample(repo, paths) }})
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

// tufColdSample measures tufCold in a folder of its own.
func (c *comparison) tufColdSample(repo *served, paths []string) sample {
	folder, err := c.folder()
	if err != nil {
		return sample{err: err}
	}
	return measure(func() (asked, error) { return repo.tufCold(folder, paths) })
}
