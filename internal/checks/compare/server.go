package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/verify"
)

// parallel is how many requests are made at the same time. An HTTP/2 server
// should allow at least this many on one connection.
const parallel = 100

// serve serves a repository on a free loopback port until stop is called. Each
// answer is delayed by the latency.
func (r *served) serve(latency time.Duration) (url string, stop func()) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if latency > 0 {
			timer := time.NewTimer(latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-req.Context().Done():
				return
			}
		}
		data, ok := r.metadata[strings.TrimPrefix(req.URL.EscapedPath(), "/")]
		if !ok {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(data) // the client may be gone
	}))
	return server.URL, server.Close
}

// newClient returns a client that has no open connection.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: parallel}}
}

// overHTTP fetches the files of a round at the same time.
func overHTTP(ctx context.Context, client *http.Client, url string) fetch {
	return func(reqs []verify.Request) ([][]byte, error) {
		bodies := make([][]byte, len(reqs))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for i, req := range reqs {
			group.Go(func() (err error) {
				bodies[i], err = get(ctx, client, url+"/"+req.Path, req.MaxBytes)
				return err
			})
		}
		return bodies, group.Wait()
	}
}

// get returns nil for a file that the server does not have.
func get(ctx context.Context, client *http.Client, url string, most int64) (data []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	switch resp.StatusCode {
	case http.StatusOK:
		return io.ReadAll(io.LimitReader(resp.Body, most+1))
	case http.StatusNotFound:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %s", url, resp.Status)
}
