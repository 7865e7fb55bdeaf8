package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
)

// latencies are how long a request waits for its answer: near the server, in
// the same country, over an ocean.
var latencies = []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond}

// someRoots has as many roots as a repository has after some years. More would
// take too long.
var someRoots = workload{"25 new roots", layout{roots: 25, targets: small}, wheels(0, 1), nil}

// patience is the longest run that is repeated. In longer runs the waiting
// dominates, and that varies little.
const patience = 2 * time.Second

// http compares whole cold starts over a server that delays its answers.
func (c *comparison) http(ctx context.Context) error {
	fmt.Fprintf(c.stdout, "\nHTTP: cold, over a loopback server that waits before each answer; "+
		"up to %d requests at once\n", parallel)
	fmt.Fprintf(c.stdout, "Medians; *: one run only (over %s, or time was short); "+
		"?: unsteady (from once to over twice as long)\n", patience)
	fmt.Fprintf(c.stdout, "  %-26s", "")
	for _, latency := range latencies {
		fmt.Fprintf(c.stdout, " %10s ", fmt.Sprintf("%d ms", latency.Milliseconds()))
	}
	fmt.Fprintf(c.stdout, " %8s %9s\n", "rounds", "requests")
	succinct := layout{hashes: true, targets: atPyPI.succinct}
	resolved := []workload{ // go-tuf can do these, and they differ in rounds
		{"16,384 succinct bins, hashes", succinct, wheels(0, 1), nil},
		{"16,384 succinct bins, hashes, 100 targets", succinct, wheels(0, 100), nil},
		someRoots,
	}
	left := len(latencies) * len(resolved)
	for _, w := range resolved {
		if c.late(w.title) {
			continue
		}
		c.progress("building %s", w.title)
		lines, err := c.waits(ctx, build(w.layout), w.paths, left)
		left -= len(latencies)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%s\n%s", w.title, lines)
	}
	return nil
}

// online is a client that starts cold over HTTP.
type online struct {
	name string
	run  func(ctx context.Context, r *served, url string, paths []string) (asked, error)
}

func (c *comparison) online() []online {
	return []online{{walkName, walkOnline(false)}, {aheadName, walkOnline(true)}, {goTUFName, c.tufOnline}}
}

// waits returns a line for each client. left is the number of cells, with those
// of this row, that share the rest of the budget.
func (c *comparison) waits(ctx context.Context, repo *served, paths []string, left int) (string, error) {
	clients := c.online()
	lines := make([]strings.Builder, len(clients))
	rounds := make([]asked, len(clients))
	for i, client := range clients {
		fmt.Fprintf(&lines[i], "  %-26s", client.name)
	}
	for n, latency := range latencies {
		t := c.turns(ctx, left-n)
		t.once = patience
		samples, _, err := inTurn(t, waiting(ctx, repo, latency, clients, paths))
		if err != nil {
			return "", err
		}
		for i, s := range samples {
			if s.err != nil {
				return "", fmt.Errorf("%s: %w", clients[i].name, s.err)
			}
			rounds[i] = s.asked
			fmt.Fprintf(&lines[i], " %10s%1s", duration(s.time), mark(s))
		}
	}
	var all strings.Builder
	for i := range lines {
		fmt.Fprintf(&all, "%s %8d %9d\n", lines[i].String(), rounds[i].rounds, rounds[i].requests)
	}
	return all.String(), nil
}

// mark marks times that are less reliable.
func mark(s sample) string {
	switch {
	case s.runs == 1:
		return "*"
	case s.unsteady():
		return "?"
	}
	return ""
}

func waiting(
	ctx context.Context, repo *served, latency time.Duration, clients []online, paths []string,
) []contender {
	var list []contender
	for _, client := range clients {
		list = append(list, contender{client.name, func() sample {
			s, err := wait(ctx, repo, latency, client, paths)
			s.err = err
			return s
		}})
	}
	return list
}

func wait(
	ctx context.Context, repo *served, latency time.Duration, client online, paths []string,
) (sample, error) {
	if err := ctx.Err(); err != nil {
		return sample{}, err
	}
	url, stop := repo.serve(latency)
	defer stop()
	s := measure(func() (asked, error) { return client.run(ctx, repo, url, paths) })
	return s, s.err
}

func walkOnline(ahead bool) func(context.Context, *served, string, []string) (asked, error) {
	return func(ctx context.Context, r *served, url string, paths []string) (asked, error) {
		client := newClient()
		defer client.CloseIdleConnections()
		w, err := r.newWalker(overHTTP(ctx, client, url), options(ahead))
		if err != nil {
			return asked{}, err
		}
		_, err = w.resolve(paths)
		return w.asked, err
	}
}

// tufOnline uses go-tuf's own fetcher.
func (c *comparison) tufOnline(_ context.Context, r *served, url string, paths []string) (asked, error) {
	folder, err := c.folder()
	if err != nil {
		return asked{}, err
	}
	client := newClient()
	defer client.CloseIdleConnections()
	own := fetcher.NewDefaultFetcher()
	own.SetHTTPClient(client)
	t, err := r.newTUF(own, url, folder, false)
	if err != nil {
		return asked{}, err
	}
	_, err = t.resolve(paths)
	return t.fetcher.asked, err
}
