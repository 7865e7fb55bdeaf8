package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
)

// latencies are what a request waits for its answer: beside the server, in its country, over an ocean.
var latencies = []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond}

// someRoots are as many as a repository has after some years; more would be a long wait.
var someRoots = workload{"25 new roots", false, roots(25), []want{{"", []string{"top"}}}}

// http compares what a person waits for, over a server that takes its time. One run each: it is the waiting that counts.
func (c *comparison) http(ctx context.Context) error {
	fmt.Fprintf(c.stdout, "\nHTTP: cold, over a loopback server that waits before each answer; one run each, up to %d requests at once\n", parallel)
	fmt.Fprintf(c.stdout, "  %-26s", "")
	for _, latency := range latencies {
		fmt.Fprintf(c.stdout, " %10s", fmt.Sprintf("%d ms", latency.Milliseconds()))
	}
	fmt.Fprintf(c.stdout, " %8s %9s\n", "rounds", "requests")
	for _, w := range []workload{workloads[1], someRoots} { // go-tuf can resolve them, and they differ in rounds
		c.progress("building %s", w.title)
		repo := build(w.hashes, w.fill)
		for _, want := range w.wants {
			fmt.Fprintln(c.stdout, w.title+want.title)
			if err := c.waits(ctx, repo, want.paths); err != nil {
				return err
			}
		}
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

func (c *comparison) waits(ctx context.Context, repo *served, paths []string) error {
	for _, client := range c.online() {
		var line strings.Builder
		fmt.Fprintf(&line, "  %-26s", client.name)
		var a asked
		for _, latency := range latencies {
			s, err := wait(ctx, repo, latency, client, paths)
			if err != nil {
				return err
			}
			a = s.asked
			fmt.Fprintf(&line, " %10s", duration(s.time))
		}
		fmt.Fprintf(&line, " %8d %9d\n", a.rounds, a.requests)
		if _, err := io.WriteString(c.stdout, line.String()); err != nil {
			return err
		}
	}
	return nil
}

func wait(ctx context.Context, repo *served, latency time.Duration, client online, paths []string) (sample, error) {
	if err := ctx.Err(); err != nil {
		return sample{}, err
	}
	url, stop, err := repo.serve(latency)
	if err != nil {
		return sample{}, err
	}
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
