package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// result is the result of one history.
type result struct {
	updates, refreshed, found int
	explained                 []disagreement
	finding                   error  // a disagreement that nothing explains
	story                     string // of the repository
}

type disagreement struct {
	ids, where   string
	paths        []string // that both clients looked for
	ours, theirs outcome
}

func (d disagreement) String() string {
	return fmt.Sprintf("%s, known as %s:\n  both look for %q\n  tufwalk: %v\n  go-tuf:  %v\n",
		d.where, d.ids, d.paths, d.ours, d.theirs)
}

// play plays the history of a seed to both clients. After a disagreement both
// clients start again without saved files, so that one does not cause the next.
func play(seed uint64) (r result, err error) {
	folder, err := os.MkdirTemp("", "differential")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(folder)
	w := histories.New(seed)
	defer func() { r.story = w.Story() }()
	store := verifytest.Store{}
	for i := range 2 + w.IntN(5) {
		if i > 0 {
			w.Happen()
		}
		c := situation{w.InitialRoot(), w.Mirror(), w.Time(), w.Paths()}
		if w.Chance(25) {
			corrupt(w, c)
		}
		all, cache, err := cacheOf(folder)
		if err != nil {
			return r, err
		}
		before := maps.Clone(store)
		ours, theirs := runTufwalk(c, store), runGoTUF(c, folder)
		r.count(ours)
		if ours.equal(theirs) {
			continue
		}
		where := fmt.Sprintf("history %d, update %d", seed, i+1)
		ids := evidence{c, before, all, cache, ours, theirs}.explain()
		if len(ids) == 0 {
			r.finding = fmt.Errorf("%s:\ntufwalk: %v\ngo-tuf:  %v\n%s", where, ours, theirs, w.Story())
			return r, nil
		}
		r.explained = append(r.explained, disagreement{strings.Join(ids, "+"), where, c.paths, ours, theirs})
		store = verifytest.Store{}
		if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// tell prints the story of the history, and the disagreements in it.
func (r *result) tell(out io.Writer) {
	fmt.Fprintf(out, "What happened (--- ends an update):\n\n%s\n\n", cli.Printable(r.story))
	if len(r.explained) == 0 {
		return
	}
	fmt.Fprint(out, "Where they disagree (the versions are those of root, timestamp, snapshot and targets;\n"+
		"the lookups are in the order of the paths; the saved timestamp and snapshot are shown as a digest):\n\n")
	for _, d := range r.explained {
		fmt.Fprintln(out, cli.Printable(d.String()))
	}
}

func (r *result) count(o outcome) {
	r.updates++
	if o.refreshed {
		r.refreshed++
	}
	for _, l := range o.lookups {
		if strings.HasPrefix(l, "found") {
			r.found++
		}
	}
}

// corrupt corrupts a file or two of the mirror.
func corrupt(w *histories.World, c situation) {
	for range 1 + w.IntN(2) {
		role := w.AnyRole()
		name := w.FileName(role)
		if body, ok := c.mirror[name]; ok {
			c.mirror[name] = w.Corrupt(role, body)
			w.Note("%s is corrupt: %q", name, c.mirror[name])
		}
	}
}
