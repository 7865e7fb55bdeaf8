// Command differential plays random histories of repositories to tufwalk and to
// go-tuf, and compares what they trust. It fails if they differ in a way that
// is not known.
//
// A known difference is more than a label. Package model, a third verifier,
// runs with go-tuf's rule in place of ours, and must then do what go-tuf did.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/internal/cli"
)

const description = `Play random histories of repositories to tufwalk and to go-tuf, and compare what they trust.

Each difference must be explained: a third verifier, with go-tuf's known rule in place of ours, must do what go-tuf did.
A thousand histories take about a minute on two cores.
For a single one (--first N --histories 1) it prints what happened, and what both clients did where they differ.

Exit code 0: they agree, or the differences are explained. 1: a difference is not explained, or something went wrong.
2: wrong usage. 130: interrupted.`

type options struct {
	Histories uint64 `default:"1000" help:"How many histories to play (default: ${default})."`
	First     uint64 `default:"1" help:"The seed of the first history (default: ${default})."`
}

var commandLine = cli.Program{Name: "differential", Description: description}

func main() { cli.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	t, err := playAll(ctx, o.First, o.Histories)
	t.print(stdout)
	if err == nil { // otherwise the error describes the history
		if o.Histories == 1 {
			t.last.tell(stdout)
		}
		fmt.Fprintln(stdout, t.summary())
	}
	return commandLine.End(ctx, err, "the numbers above are for the histories before", stderr)
}

// tally counts the results of all histories.
type tally struct {
	histories, updates, refreshed, found int
	explained                            map[string][]string // where, by IDs
	last                                 result
}

func (t *tally) add(r result) {
	t.histories++
	t.updates += r.updates
	t.refreshed += r.refreshed
	t.found += r.found
	t.last = r
	for _, d := range r.explained {
		t.explained[d.ids] = append(t.explained[d.ids], d.where)
	}
}

// playAll plays histories on all cores, until one has a finding.
func playAll(ctx context.Context, first, n uint64) (*tally, error) {
	t := &tally{explained: map[string][]string{}}
	var mutex sync.Mutex
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		if going.Err() != nil {
			break
		}
		group.Go(func() error {
			r, err := play(first + i)
			if err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			t.add(r)
			return r.finding
		})
	}
	if err := group.Wait(); err != nil {
		return t, err
	}
	return t, ctx.Err()
}

func (t *tally) print(out io.Writer) {
	fmt.Fprintf(out, "%d histories, %d updates, of which tufwalk accepted %d; %d targets found.\n\n",
		t.histories, t.updates, t.refreshed, t.found)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(t.explained) == 0 {
		return
	}
	fmt.Fprintf(out, "What go-tuf %s does differently (IDs as in docs/attacks.md and docs/conformance.md; "+
		"+ joins several):\n\n", cli.Version("github.com/theupdateframework/go-tuf/v2"))
	fmt.Fprintln(w, "known deviation\tdisagreements\tfor example")
	for _, id := range slices.Sorted(maps.Keys(t.explained)) {
		fmt.Fprintf(w, "%s\t%d\t%s\n", id, len(t.explained[id]), slices.Min(t.explained[id]))
	}
	fmt.Fprintln(w)
	_ = w.Flush()
	seen := t.seen()
	for _, d := range slices.Concat(deviations, others) {
		if seen[d.id] {
			fmt.Fprintf(w, "%s\t%s\n", d.id, d.what)
		}
	}
	_ = w.Flush()
	fmt.Fprintln(out)
}

// seen are the deviations that occurred.
func (t *tally) seen() map[string]bool {
	seen := map[string]bool{}
	for ids := range t.explained {
		for id := range strings.SplitSeq(ids, "+") {
			seen[id] = true
		}
	}
	return seen
}

// summary is the last line, if every difference is explained.
func (t *tally) summary() string {
	disagreements := 0
	for _, places := range t.explained {
		disagreements += len(places)
	}
	if disagreements == 0 {
		return fmt.Sprintf("tufwalk and go-tuf agree in all %d updates.", t.updates)
	}
	return fmt.Sprintf("tufwalk and go-tuf agree in %d of %d updates; "+
		"the other %d are explained by known deviations of go-tuf.",
		t.updates-disagreements, t.updates, disagreements)
}
