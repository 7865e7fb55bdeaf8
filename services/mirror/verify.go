package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

type verifyCmd struct {
	copyOf
	filter
}

// inDest is a copy as a source of metadata: a client sees the same.
type inDest struct{ dest }

func (inDest) Name() string { return "the copy" }

func (d inDest) Fetch(ctx context.Context, req verify.Request) ([]byte, error) {
	name, err := fileName(req.Path)
	if err != nil {
		return nil, err
	}
	f, err := d.open(ctx, "metadata/"+name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", verify.ErrNotAtSource, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, req.MaxBytes+1))
}

// Run reads all that a client could ask for, and verifies it against the keys.
func (c *verifyCmd) Run(ctx context.Context, out *terminal) (err error) {
	root, err := c.trustedRoot()
	if err != nil {
		return err
	}
	d, err := openDest(ctx, c.Dest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	v, err := newView(ctx, root, nil, []client.Source{inDest{d}}, c.now())
	if err != nil {
		return err
	}
	var good, bad int
	var bytes int64
	err = v.list(ctx, func(t *verify.Target) error {
		if !c.takes(t) {
			return nil
		}
		if err := verifyTarget(ctx, d, t); err != nil {
			bad++
			out.warn("%s: %v", metadata.Printable(t.Path), err)
			return ctx.Err()
		}
		good, bytes = good+1, bytes+t.Length
		return nil
	})
	if err != nil {
		return err
	}
	v.doubts(out)
	roots := v.session.Version(metadata.RoleRoot) - v.firstRoot + 1
	fmt.Fprintf(out.stdout, "%d metadata files and %d targets are good, %s\n",
		int64(len(v.roles))+2+roots, good, size(bytes)) // and the timestamp and the snapshot
	if bad > 0 {
		return fmt.Errorf("%d targets are missing or wrong, see above", bad)
	}
	return nil
}

// verifyTarget reads a target under each of its names.
func verifyTarget(ctx context.Context, d dest, t *verify.Target) error {
	names, err := targetNames(t)
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := d.open(ctx, "targets/"+name)
		if err != nil {
			return err
		}
		err = t.Copy(io.Discard, f)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
