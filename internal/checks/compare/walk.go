package main

import (
	"context"
	"fmt"
	"math"

	"github.com/tufwalk/tufwalk/verify"
)

// fetch fetches the files of one round and returns a body for each request, in
// the same order: nil for a file that does not exist. An error ends the
// comparison.
type fetch func([]verify.Request) ([][]byte, error)

// fromMemory fetches without copying.
func (r *served) fromMemory(reqs []verify.Request) ([][]byte, error) {
	bodies := make([][]byte, len(reqs))
	for i, req := range reqs {
		bodies[i] = r.metadata[req.Path]
	}
	return bodies, nil
}

// largest has higher limits than the defaults: a targets file with 65,536 bins
// has more than 8 MB.
var largest = verify.Limits{MaxSnapshotBytes: math.MaxInt32, MaxTargetsBytes: math.MaxInt32}

// walker is a client written on tufwalk. It fetches all files of a batch at the
// same time.
type walker struct {
	session *verify.Session
	fetch   fetch
	store   verify.Store // nil: nothing is saved
	asked                // without files from the store
}

// newWalker begins a cold start.
func (r *served) newWalker(fetch fetch, options verify.Options) (*walker, error) {
	s, err := verify.New(r.trustedRoot, verify.Stored{}, r.now, options)
	return &walker{session: s, fetch: fetch}, err
}

// newWarmWalker begins with the files in the store.
func (r *served) newWarmWalker(fetch fetch, options verify.Options, store verify.Store) (*walker, error) {
	s, err := verify.New(r.trustedRoot, verify.LoadStored(context.Background(), store), r.now, options)
	return &walker{session: s, fetch: fetch, store: store}, err
}

// resolve returns the targets with those paths.
func (w *walker) resolve(paths []string) ([]*verify.Target, error) {
	lookups := make([]*verify.Lookup, len(paths))
	for i, path := range paths {
		lookups[i] = w.session.Lookup(path)
	}
	if err := w.run(); err != nil {
		return nil, err
	}
	targets := make([]*verify.Target, len(paths))
	for i, l := range lookups {
		var err error
		if targets[i], err = l.Target(); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func (w *walker) run() error {
	for {
		b, ok := w.session.Next()
		if !ok {
			return w.session.Err()
		}
		if err := w.session.Save(context.Background(), w.store, b.Save); err != nil {
			return err
		}
		if err := rejections(b); err != nil {
			return err
		}
		if err := w.round(w.fromStore(b.Fetch)); err != nil {
			return err
		}
	}
}

// round fetches and answers requests. The only mirror is honest, so a rejected
// body means that this program has a bug.
func (w *walker) round(reqs []verify.Request) error {
	if len(reqs) == 0 {
		return nil
	}
	w.rounds++
	w.requests += len(reqs)
	bodies, err := w.fetch(reqs)
	if err != nil {
		return err
	}
	for i, req := range reqs {
		if bodies[i] == nil {
			err = w.session.NotFound(req.ID)
		} else {
			err = w.session.Provide(req.ID, bodies[i])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", req.Path, err)
		}
	}
	return nil
}

// fromStore answers requests with saved files, and returns the other requests.
func (w *walker) fromStore(reqs []verify.Request) []verify.Request {
	if w.store == nil {
		return reqs
	}
	var rest []verify.Request
	for _, req := range reqs {
		if req.StoreName != "" {
			data, err := w.store.Load(context.Background(), req.StoreName)
			if err == nil && w.session.ProvideSaved(req.ID, data) == nil {
				continue
			}
		}
		rest = append(rest, req)
	}
	return rest
}
