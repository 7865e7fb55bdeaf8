// Package place installs verified files under their names, atomically and
// durably. It refuses names that are not safe as the name of a file.
package place

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

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

// NameError says why a target's path cannot be the name of a file.
type NameError struct{ Path, Reason string }

func (e *NameError) Error() string {
	return fmt.Sprintf("target %q cannot be installed under its name: it %s", e.Path, e.Reason)
}

// device matches the names of devices on Windows, with any extension and in any
// directory.
var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|:|$)`)

// CheckName refuses target paths that would leave the destination, or name
// something else on some system. It refuses the same paths on every system.
func CheckName(target string) error {
	switch {
	case !utf8.ValidString(target):
		return &NameError{target, "is not UTF-8"}
	case strings.ContainsFunc(target, unsafe):
		return &NameError{target, `has a control character or one of \ : * ? " < > |`}
	case !fs.ValidPath(target) || target == ".": // no empty segment, no dots, no slash at either end
		return &NameError{target, "is not a plain relative path"}
	}
	for _, segment := range strings.Split(target, "/") {
		switch {
		case strings.HasSuffix(segment, ".") || strings.HasSuffix(segment, " "):
			return &NameError{target, "has a segment that ends in a dot or a space"}
		case device.MatchString(segment):
			return &NameError{target, fmt.Sprintf("has the segment %q, a device on Windows", segment)}
		}
	}
	return nil
}

func unsafe(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`\:*?"<>|`, r) }

// CheckNames is CheckName for all targets of one directory. It also refuses
// names that differ only in case: on Windows and macOS they name one file.
func CheckNames(targets []string) error {
	seen := make(map[string]string)
	for _, target := range targets {
		if err := CheckName(target); err != nil {
			return err
		}
		folded := strings.ToLower(target)
		if other, ok := seen[folded]; ok {
			return fmt.Errorf("targets %q and %q would be one file", other, target)
		}
		seen[folded] = target
	}
	return nil
}
