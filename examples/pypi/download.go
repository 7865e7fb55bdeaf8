package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/examples/pypi/durable"
	"github.com/tufwalk/tufwalk/examples/pypi/mirror"
	"github.com/tufwalk/tufwalk/verify"
)

// parallel is the number of files that are downloaded at once.
const parallel = 4

// download is a file to download: where it is, and how it is checked.
type download struct {
	name   string
	base   string
	paths  []string // below the base, to be tried in turn
	length int64
	copy   func(dst io.Writer, src io.Reader) error // returns nil only if the bytes may be used
	target *verify.Target                           // nil: not a target of TUF
}

// downloads fetches files.
type downloads struct {
	client *http.Client
	list   []*download
}

// newTarget returns the download of a target of at most limit bytes. With limit
// 0, the target may have any length.
func newTarget(t *verify.Target, base string, paths []string, limit int64) (*download, error) {
	if limit > 0 && t.Length > limit {
		return nil, fmt.Errorf("%s: has %d bytes, the limit is %d", t.Path, t.Length, limit)
	}
	return &download{name: t.Path, base: base, paths: paths, length: t.Length, copy: t.Copy, target: t}, nil
}

// plainTarget returns the download of a target that its host serves under a
// name without a hash.
func plainTarget(l *verify.Lookup, base string, limit int64) (*download, error) {
	t, err := l.Target()
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", l.Path(), err, trail(l))
	}
	path, err := t.PlainURLPath()
	if err != nil {
		return nil, err
	}
	return newTarget(t, base, []string{path}, limit)
}

// has reports whether the file is in place already. A file that is not a target
// of TUF is always downloaded again.
func (d *download) has(dest *os.Root) bool {
	return d.target != nil && isTarget(dest, d.name, d.target)
}

// fetch calls use with the body of the first path that exists.
func (d *download) fetch(ctx context.Context, client *http.Client, use func(io.Reader) error) error {
	var errs []error
	for _, path := range d.paths {
		body, err := mirror.Get(ctx, client, d.base, path)
		if err == nil {
			err = use(body)
			body.Close()
			if err == nil {
				return nil
			}
			err = fmt.Errorf("%s/%s: %w", d.base, path, err)
		}
		errs = append(errs, err)
		if !errors.Is(err, verify.ErrNotAtSource) {
			break // the other paths of the file would give the same error
		}
	}
	return errors.Join(errs...)
}

// readAll reads small files into memory. The first error ends it.
func (ds *downloads) readAll(ctx context.Context) ([][]byte, error) {
	bodies := make([][]byte, len(ds.list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, d := range ds.list {
		group.Go(func() error {
			var buf bytes.Buffer
			err := d.fetch(ctx, ds.client, func(body io.Reader) error {
				buf.Reset()
				return d.copy(&buf, body)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			bodies[i] = buf.Bytes()
			return nil
		})
	}
	return bodies, group.Wait()
}

// install downloads files into a directory, with a bar for each and one for
// all. The first error ends it. Files that are in place by then are verified,
// and stay.
func (ds *downloads) install(ctx context.Context, bars *progress.Bars, dest *os.Root) error {
	if len(ds.list) == 0 {
		return nil
	}
	sum := int64(0)
	for _, d := range ds.list {
		sum += d.length
	}
	all := bars.Add("all", sum)
	defer all.End()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, d := range ds.list {
		group.Go(func() error {
			label := d.name
			if d.target == nil {
				label += " (hash only, no TUF)"
			}
			bar, share := bars.Add(label, d.length), &share{all: all}
			defer bar.End()
			err := d.fetch(ctx, ds.client, func(body io.Reader) error {
				bar.Set(0)
				body = io.TeeReader(io.TeeReader(body, bar), share.again())
				return durable.Write(dest, d.name, 0o644, func(w io.Writer) error { return d.copy(w, body) })
			})
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// share is the part of one file in the bar for all. When a download starts
// again, only bytes beyond the earlier ones count.
type share struct {
	all       io.Writer
	now, most int64
}

func (s *share) again() io.Writer {
	s.now = 0
	return s
}

func (s *share) Write(p []byte) (int, error) {
	s.now += int64(len(p))
	if more := s.now - s.most; more > 0 {
		s.most = s.now
		_, _ = s.all.Write(p[int64(len(p))-more:]) // never fails
	}
	return len(p), nil
}
