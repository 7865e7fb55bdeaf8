package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/internal/cli"
)

// played are the results of a client by the names of vectors. Those that need
// more than it offers are not there.
type played map[string][]result

// playAll runs the client on all vectors that it can play, several at a time.
func (b *book) playAll(ctx context.Context, c client) (played, error) {
	all := played{}
	var mutex sync.Mutex
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0) + 1)
	for _, v := range b.vectors {
		if !c.offers(v) {
			continue
		}
		group.Go(func() error {
			m := &mirror{files: b.files}
			server := httptest.NewServer(m)
			defer server.Close()
			defer server.CloseClientConnections()
			results, err := c.play(going, v, b.files, server.URL, m)
			mutex.Lock()
			defer mutex.Unlock()
			all[v.Name] = results
			return err
		})
	}
	return all, group.Wait()
}

// offers reports whether the client can play the vector.
func (c client) offers(v *vector) bool {
	return !slices.ContainsFunc(v.Needs, func(need string) bool { return !slices.Contains(c.can, need) })
}

// wrong are the names of the vectors with a wrong outcome, sorted.
func (p played) wrong() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !p[name][len(p[name])-1].right {
			names = append(names, name)
		}
	}
	return names
}

// report prints each wrong outcome, and a table of topics.
func report(w io.Writer, b *book, p played) {
	for _, v := range b.vectors {
		results, ok := p[v.Name]
		if !ok || results[len(results)-1].right {
			continue
		}
		n := len(results) - 1
		got, s := results[n], v.Steps[n]
		fmt.Fprintf(w, "%s: %s\n", v.Name, cli.Printable(v.Why))
		fmt.Fprintf(w, "  step %d of %d: %s, versions %v, %d files\n", n+1, len(v.Steps), got.end, got.Versions,
			len(got.Files))
		for _, o := range s.Expect {
			end := failure
			if o.Success {
				end = success
			}
			fmt.Fprintf(w, "  expected: %s, versions %v, %d files\n", end, o.Versions, len(o.Files))
		}
		fmt.Fprintf(w, "  it said: %s\n", cli.Printable(got.said))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "topic\tcases\tright\twrong\tnot offered")
	for _, line := range b.topics(p, p.wrong()) {
		fmt.Fprintln(table, strings.Join(line, "\t"))
	}
	_ = table.Flush()
}

// topics are rows of a table: topic, cases, right ones, wrong ones, and those
// that were not played.
func (b *book) topics(p played, wrong []string) (rows [][]string) {
	type count struct{ cases, right, wrong, skipped int }
	counts, all := map[string]*count{}, count{}
	var order []string
	for _, v := range b.vectors {
		if counts[v.Topic] == nil {
			counts[v.Topic] = &count{}
			order = append(order, v.Topic)
		}
		for _, c := range []*count{counts[v.Topic], &all} {
			c.cases++
			switch _, was := p[v.Name]; {
			case !was:
				c.skipped++
			case slices.Contains(wrong, v.Name):
				c.wrong++
			default:
				c.right++
			}
		}
	}
	row := func(name string, c count) {
		rows = append(rows, []string{name, fmt.Sprint(c.cases), fmt.Sprint(c.right), fmt.Sprint(c.wrong),
			fmt.Sprint(c.skipped)})
	}
	for _, topic := range order {
		row(topic, *counts[topic])
	}
	row("all", all)
	return rows
}
