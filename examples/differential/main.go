// Command differential plays random histories of repositories to tufwalk and to go-tuf, and compares what they trust. Where they differ, the
// difference has to be one that is known, or the command fails.
//
// That a difference is known is more than a label: package model, a third verifier, is given go-tuf's rule in the place of ours, and must then do
// what go-tuf did.
package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

type options struct {
	Histories uint64 `default:"1000" help:"How many histories to play."`
	First     uint64 `default:"1" help:"The seed of the first."`
}

func main() { cli.Main(run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := cli.Parse(&o, "differential", "Plays random histories to tufwalk and to go-tuf, and compares what they trust.", args, stdout, stderr)
	if command == nil {
		return code
	}
	t, err := playAll(ctx, o.First, o.Histories)
	t.print(stdout)
	return cli.End(ctx, err, "differential", "the histories so far are counted", stderr)
}

// tally is what all histories showed.
type tally struct {
	histories, cycles, refreshed, found int
	explained                           map[string][]string // where, by IDs
}

func (t *tally) add(r result) {
	t.histories++
	t.cycles += r.cycles
	t.refreshed += r.refreshed
	t.found += r.found
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
	fmt.Fprintln(w, "known deviation\tdisagreements\tfor example")
	for _, id := range ids {
		fmt.Fprintf(w, "%s\t%d\t%s\n", id, len(t.explained[id]), slices.Min(t.explained[id]))
	}
	fmt.Fprintln(w)
	for _, d := range slices.Concat(deviations, others) {
		fmt.Fprintf(w, "%s\t\t%s\n", d.id, d.what)
	}
	_ = w.Flush()
}
