package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/tufwalk/tufwalk/internal/checks/cli"
	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// result is what one history showed.
type result struct {
	cycles, refreshed, found int
	explained                []disagreement
	finding                  error  // a disagreement that nothing explains
	story                    string // of the repository
}

type disagreement struct {
	ids, where   string
	paths        []string // that both clients looked for
	ours, theirs outcome
}

func (d disagreement) String() string {
	return fmt.Sprintf("%s, known as %s:\n  both look for %q\n  tufwalk: %v\n  go-tuf:  %v\n", d.where, d.ids, d.paths, d.ours, d.theirs)
}

// play plays the history of a seed to both clients. After a disagreement both
// begin anew, so that one does not cause the next.
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
		c := situation{w.Anchor(), w.Mirror(), w.Time(), w.Paths()}
		if w.Chance(25) {
			spoil(w, c)
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
		ids := evidence{c, before, all, cache, ours, theirs}.explain()
		if len(ids) == 0 {
			r.finding = fmt.Errorf("history %d, cycle %d:\ntufwalk: %v\ngo-tuf:  %v\n%s", seed, i+1, ours, theirs, w.Story())
			return r, nil
		}
		r.explained = append(r.explained, disagreement{strings.Join(ids, "+"), fmt.Sprintf("history %d, cycle %d", seed, i+1), c.paths, ours, theirs})
		store = verifytest.Store{}
		if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// tell prints what a table has no room for.
func (r *result) tell(out io.Writer) {
	fmt.Fprintf(out, "What happened (--- ends a cycle):\n\n%s\n\n", cli.Printable(r.story))
	if len(r.explained) == 0 {
		return
	}
	fmt.Fprint(out, "Where they disagree (the versions are those of root, timestamp, snapshot and targets; the lookups are in the order of the paths;\n"+
		"what is kept for the next run, the saved timestamp and snapshot, is shown as a digest):\n\n")
	for _, d := range r.explained {
		fmt.Fprintln(out, cli.Printable(d.String()))
	}
}

func (r *result) count(o outcome) {
	r.cycles++
	if o.refreshed {
		r.refreshed++
	}
	for _, l := range o.lookups {
		if strings.HasPrefix(l, "found") {
			r.found++
		}
	}
}

// spoil spoils a file or two of the mirror.
func spoil(w *histories.World, c situation) {
	for range 1 + w.IntN(2) {
		role := w.AnyRole()
		name := w.FileName(role)
		if body, ok := c.mirror[name]; ok {
			c.mirror[name] = w.Spoil(role, body)
			w.Note("%s is spoilt: %q", name, c.mirror[name])
		}
	}
}
