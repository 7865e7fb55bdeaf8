package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// replace replaces a file in one step: after a crash it is the old or the new
// one. The new one is written under another name, which a crash may leave, and
// the next replace uses. The caller must have a lock.
func replace(path string, fill func(io.Writer) error, step func(string)) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = fill(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		step("rename")
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	step("renamed")
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = dir.Sync() // not all systems can
	return dir.Close()
}

// lockFile waits until no other process has the lock of a file, which is a file
// of its own next to it. It is free as soon as the process ends, in whatever
// way.
func lockFile(ctx context.Context, path string, stderr io.Writer) (unlock func(), err error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		fmt.Fprintf(stderr, "note: waiting for another program that uses %s\n", path)
		_, err = lock.TryLockContext(ctx, 20*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be locked: %w", path, err)
	}
	return func() { _ = lock.Unlock() }, nil
}
