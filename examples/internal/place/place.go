// Package place has the directory that targets are installed in. What is
// written there goes through package durable. Callers check names first:
// client.CheckName.
package place

import (
	"io"
	"os"

	"github.com/tufwalk/tufwalk/verify"
)

// Open opens a directory, and creates it if necessary. No access leaves it,
// even through links.
func Open(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// Has reports whether a file is the target already.
func Has(dir *os.Root, name string, t *verify.Target) bool {
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
