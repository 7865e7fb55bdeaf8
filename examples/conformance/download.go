package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// fetch downloads a target into the target directory, unless the file is there
// already.
func (o *options) fetch(t *verify.Target) error {
	file := filepath.Join(o.targetDir, fileName(t.Path))
	if have(t, file) {
		return nil
	}
	urls, err := t.URLPaths()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.targetDir, 0o700); err != nil {
		return err
	}
	err = verify.ErrNotAtSource
	for _, url := range urls { // one for each digest; a repository may lack some
		var body io.ReadCloser
		if body, err = mirror.Get(context.Background(), client, o.targetBaseURL, url); err == nil {
			return errors.Join(save(t, file, body), body.Close())
		}
		if !errors.Is(err, verify.ErrNotAtSource) {
			break
		}
	}
	return err
}

// fileName returns the name of a target's file. It is percent-encoded, so it
// has no separators, and dots are encoded too, so it is neither "." nor "..".
// On a file system that ignores case, or for a name that is too long, a
// download fails or is repeated. But no file is taken for another.
func fileName(path string) string { return strings.ReplaceAll(metadata.Escape(path), ".", "%2E") }

// have reports whether a file is the target.
func have(t *verify.Target, file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return t.Copy(io.Discard, f) == nil
}

// save writes the content of a target under a temporary name, until it is
// verified.
func save(t *verify.Target, file string, content io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	if err := errors.Join(t.Copy(f, content), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
