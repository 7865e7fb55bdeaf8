package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/verify"
)

// parallel is how many files are downloaded at once.
const parallel = 4

// download is a file to be had: where, and how it is checked on the way.
type download struct {
	name   string
	base   string
	paths  []string // below the base, to be tried in turn
	length int64
	copy   func(dst io.Writer, src io.Reader) error // returns nil only if the bytes may be used
	target *verify.Target                           // nil: TUF knows nothing of it
}

// newTarget is the download of a target; limit 0 means none but the target's
// length.
func newTarget(t *verify.Target, base string, paths []string, limit int64) (*download, error) {
	if limit > 0 && t.Length > limit {
		return nil, fmt.Errorf("%s: has %d bytes, at most %d are taken", t.Path, t.Length, limit)
	}
	return &download{name: t.Path, base: base, paths: paths, length: t.Length, copy: t.Copy, target: t}, nil
}

// plainTarget is the download of a target that the host of distribution files
// keeps without a hash before its name.
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

// has says whether the file is in place already. What TUF knows nothing of is
// downloaded again.
func (d *download) has(dest *place.Dir) bool {
	if d.target == nil {
		return false
	}
	local := *d.target
	local.Path = d.name // it is installed under its last segment
	return dest.Has(&local)
}

// fetch has use take the body, from the first path that there is.
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
			break // the file's other names would give the same
		}
	}
	return errors.Join(errs...)
}

// readAll reads small files into memory. The first error ends it.
func readAll(ctx context.Context, client *http.Client, downloads []*download) ([][]byte, error) {
	bodies := make([][]byte, len(downloads))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, d := range downloads {
		group.Go(func() error {
			var buf bytes.Buffer
			if err := d.fetch(ctx, client, func(body io.Reader) error { buf.Reset(); return d.copy(&buf, body) }); err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			bodies[i] = buf.Bytes()
			return nil
		})
	}
	return bodies, group.Wait()
}

// fetchAll brings files into place, with a bar for each and one for all. The
// first error ends it; what is in place by then is verified, and stays.
func fetchAll(ctx context.Context, client *http.Client, downloads []*download, bars progress.Bars, sum int64, dest *place.Dir) error {
	if len(downloads) == 0 {
		return nil
	}
	all := bars.Add("all", sum, len(downloads))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, d := range downloads {
		group.Go(func() error {
			label := d.name
			if d.target == nil {
				label += " (hash only, no TUF)" // the bar's own word at the end is "verified"
			}
			bar, share := bars.Add(label, d.length, i), &share{all: all}
			err := d.fetch(ctx, client, func(body io.Reader) error {
				body = io.TeeReader(bar.Reader(body), share.again())
				return dest.Write(d.name, func(w io.Writer) error { return d.copy(w, body) })
			})
			if err != nil {
				bar.Abort()
				return fmt.Errorf("%s: %w", d.name, err)
			}
			bar.Finish()
			return nil
		})
	}
	err := group.Wait()
	if err != nil {
		all.Abort()
		return err
	}
	all.Finish()
	return nil
}

// share is one file's part of the bar for all. When the file is begun again,
// only what goes further than before counts.
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
