package main

import (
	"context"
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
)

// warm compares updates of an unchanged repository whose files are all saved.
func (c *comparison) warm(ctx context.Context) error {
	printHead(c.stdout, "WARM: the same from saved files, nothing has changed\n"+
		"The yardstick is that of a cold start. A renewed session is not compared with it.", "rounds", "requests")
	for i, w := range workloads[:2] {
		if c.late(w.title) {
			continue
		}
		c.progress("building %s", w.title)
		r, err := c.warmRow(c.turns(ctx, 2-i), w.title, build(w.hashes, w.fill), w.wants[0].paths)
		if err != nil {
			return err
		}
		r.print(c.stdout)
	}
	fmt.Fprintln(c.stdout, "  A session of tufwalk can be renewed. An updater of go-tuf cannot: "+
		"a new one reads the files.")
	return nil
}

func (c *comparison) warmRow(t turns, title string, repo *served, paths []string) (row, error) {
	y, err := newYardstick(repo, paths)
	if err != nil {
		return row{}, err
	}
	store, err := c.folder()
	if err != nil {
		return row{}, err
	}
	cache, err := c.folder()
	if err != nil {
		return row{}, err
	}
	if _, err := repo.walkWarm(files(store), paths, false); err != nil { // fills the store
		return row{}, err
	}
	_, _ = repo.tufWarm(cache, paths) // fills the cache; it may find no target
	renewed, err := repo.newWarmWalker(repo.fromMemory, options(false), files(store))
	if err != nil {
		return row{}, err
	}
	if _, err := renewed.resolve(paths); err != nil {
		return row{}, err
	}
	contenders := []contender{
		{yardstickName, func() sample { return measure(func() (asked, error) { return asked{}, y.check() }) }},
		{renewedName, func() sample { return measure(func() (asked, error) { return renewed.again(repo, paths) }) }},
		{walkName + ", from files", func() sample {
			return measure(func() (asked, error) { return repo.walkWarm(files(store), paths, false) })
		}},
		{aheadName + ", from files", func() sample {
			return measure(func() (asked, error) { return repo.walkWarm(files(store), paths, true) })
		}},
		{goTUFName + ", from files", func() sample {
			return measure(func() (asked, error) { return repo.tufWarm(cache, paths) })
		}},
	}
	r, err := newRow(title, y.bytes, t, contenders)
	if err != nil {
		return row{}, err
	}
	return r, r.judge(repo, paths)
}

func (r *served) walkWarm(store files, paths []string, ahead bool) (asked, error) {
	w, err := r.newWarmWalker(r.fromMemory, options(ahead), store)
	if err != nil {
		return asked{}, err
	}
	_, err = w.resolve(paths)
	return w.asked, err
}

// again goes on with the session of the next update.
func (w *walker) again(r *served, paths []string) (asked, error) {
	next, err := w.session.Renew(verify.LoadStored(context.Background(), w.store), r.now)
	if err != nil {
		return asked{}, err
	}
	w.session, w.asked = next, asked{}
	_, err = w.resolve(paths)
	return w.asked, err
}

func (r *served) tufWarm(cache string, paths []string) (asked, error) {
	t, err := r.newTUF(memory{r}, memoryURL, cache, true)
	if err != nil {
		return asked{}, err
	}
	_, err = t.resolve(paths)
	return t.fetcher.asked, err
}
