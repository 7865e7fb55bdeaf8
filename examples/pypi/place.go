package main

import (
	"io"
	"os"

	"github.com/tufwalk/tufwalk/verify"
)

// openDest opens a directory, and creates it if necessary. No access leaves it,
// even through links.
func openDest(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// isTarget reports whether a file is the target already.
func isTarget(dir *os.Root, name string, t *verify.Target) bool {
	info, err := dir.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != t.Length {
		return false
	}
	f, err := dir.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	return t.Copy(io.Discard, f) == nil
}
