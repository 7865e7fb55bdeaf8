package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/verify"
)

// downloads fetches targets and installs them.
type downloads struct {
	bases  []string // mirrors
	client *http.Client
	dest   *place.Dir
}

// fetch installs a target from the first mirror that serves the right content.
func (d *downloads) fetch(ctx context.Context, t *verify.Target, b *progress.Bar) error {
	paths, err := t.URLPaths()
	errs := []error{err}
	for _, base := range d.bases {
		for _, path := range paths {
			err := d.fetchFrom(ctx, base, path, t, b)
			if err == nil {
				b.Finish()
				return nil
			}
			errs = append(errs, err)
			if !errors.Is(err, verify.ErrNotAtSource) {
				break // the other paths of the file would give the same error
			}
		}
	}
	b.Abort()
	return errors.Join(errs...)
}

func (d *downloads) fetchFrom(ctx context.Context, base, path string, t *verify.Target, b *progress.Bar) error {
	body, err := mirror.Get(ctx, d.client, base, path)
	if err != nil {
		return err
	}
	defer body.Close()
	err = d.dest.Write(t.Path, func(w io.Writer) error { return t.Copy(w, b.Reader(body)) })
	if err != nil {
		return fmt.Errorf("%s/%s: %w", base, path, err)
	}
	return nil
}
