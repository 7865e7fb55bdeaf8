// Package place installs verified files under their names, atomically and
// durably. Callers check the names first: client.CheckName.
package place

import (
	"io"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/examples/internal/durable"
	"github.com/tufwalk/tufwalk/verify"
)

// Dir is a directory that targets are installed in. No access leaves it, even
// through links: it is an os.Root.
type Dir struct{ root *os.Root }

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Open opens a directory, and creates it if necessary.
func Open(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Dir{root}, nil
}

// File returns where a target is installed.
func (d *Dir) File(target string) string {
	return filepath.Join(d.root.Name(), filepath.FromSlash(target))
}

// Has reports whether the target is installed already, with the right content.
func (d *Dir) Has(t *verify.Target) bool {
	info, err := d.root.Lstat(t.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != t.Length {
		return false
	}
	f, err := d.root.Open(t.Path)
	if err != nil {
		return false
	}
	defer f.Close()
	return t.Copy(io.Discard, f) == nil
}

// Write calls fill for a temporary file, and gives it the target's name only if
// that succeeds. So no file of that name is partial or unverified. A process
// that is killed may leave a hidden file ending in .part.
func (d *Dir) Write(target string, fill func(io.Writer) error) error {
	return durable.Write(d.root, target, 0o644, fill)
}
