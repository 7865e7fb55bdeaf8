// Command differential plays random histories of repositories to tufwalk and to
// go-tuf, and compares what they trust. Where they differ, the difference has
// to be one that is known, or the command fails.
//
// That a difference is known is more than a label: package model, a third
// verifier, is given go-tuf's rule in the place of ours, and must then do what
// go-tuf did.
package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/internal/checks/cli"
)

const description = `Play random histories of repositories to tufwalk and to go-tuf, and compare what they trust.

Where they differ, the difference has to be explained: a third verifier, with go-tuf's known rule in the place of ours, has to do what go-tuf did.
A thousand histories take about a minute on two cores. Of a single one (--first N --histories 1) it is told what happened, and what both clients did where they differ.

Exit code 0: they agree, but for what is explained. 1: something is not explained, or went wrong. 2: wrong usage. 130: interrupted.`

type options struct {
	Histories uint64 `default:"1000" help:"How many histories to play (default: ${default})."`
	First     uint64 `default:"1" help:"The seed of the first (default: ${default}). The table names it: history N. With --histories 1, that history is told."`
}

func main() { cli.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	code, ok := cli.Parse(&o, "differential", description, args, stdout, stderr)
	if !ok {
		return code
	}
	t, err := playAll(ctx, o.First, o.Histories)
	t.print(stdout)
	if err == nil { // or else it tells the history
		if o.Histories == 1 {
			t.last.tell(stdout)
		}
		fmt.Fprintln(stdout, t.verdict())
	}
	return cli.End(ctx, err, "differential", "the histories so far are counted", stderr)
}

// tally is what all histories showed.
type tally struct {
	histories, cycles, refreshed, found int
	explained                           map[string][]string // where, by IDs
	last                                result
}

func (t *tally) add(r result) {
	t.histories++
	t.cycles += r.cycles
	t.refreshed += r.refreshed
	t.found += r.found
	t.last = r
	for _, d := range r.explained {
		t.explained[d.ids] = append(t.explained[d.ids], d.where)
	}
}

// playAll plays histories on all cores until one shows a finding.
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
	fmt.Fprintf(out, "%d histories, %d cycles, of which tufwalk accepted %d; %d targets found.\n\n", t.histories, t.cycles, t.refreshed, t.found)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	ids := []string{}
	for id := range t.explained {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return
	}
	fmt.Fprintf(out, "What go-tuf %s does differently (IDs as in docs/attacks.md and docs/conformance.md; + where several meet):\n\n", goTUFVersion())
	fmt.Fprintln(w, "known deviation\tdisagreements\tfor example")
	for _, id := range ids {
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

// verdict is for when nothing is left unexplained.
func (t *tally) verdict() string {
	disagreements := 0
	for _, places := range t.explained {
		disagreements += len(places)
	}
	if disagreements == 0 {
		return fmt.Sprintf("tufwalk and go-tuf agree in all %d cycles.", t.cycles)
	}
	return fmt.Sprintf("tufwalk and go-tuf agree in %d of %d cycles; the other %d are explained by known deviations of go-tuf.",
		t.cycles-disagreements, t.cycles, disagreements)
}

// goTUFVersion is the version that this program was built with.
func goTUFVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/theupdateframework/go-tuf/v2" {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "of unknown version"
}
