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

// fetch installs a target from the first mirror that has it, and has it right.
func (in *installer) fetch(ctx context.Context, client *http.Client, dest *place.Dir, t *verify.Target, b *progress.Bar) error {
	paths, err := t.URLPaths()
	errs := []error{err}
	for _, base := range in.TargetsURL {
		for _, path := range paths {
			err := fetchFrom(ctx, client, base, path, dest, t, b)
			if err == nil {
				b.Finish()
				return nil
			}
			errs = append(errs, err)
			if !errors.Is(err, verify.ErrNotAtSource) {
				break // the file's other names would give the same
			}
		}
	}
	b.Abort()
	return errors.Join(errs...)
}

func fetchFrom(ctx context.Context, client *http.Client, base, path string, dest *place.Dir, t *verify.Target, b *progress.Bar) error {
	body, err := mirror.Get(ctx, client, base, path)
	if err != nil {
		return err
	}
	defer body.Close()
	err = dest.Write(t.Path, func(w io.Writer) error { return t.Copy(w, b.Reader(body)) })
	if err != nil {
		return fmt.Errorf("%s/%s: %w", base, path, err)
	}
	return nil
}
