package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// ErrInTheWay is returned (wrapped) when something that is no plain file or
// directory has the name of one: it is neither followed nor replaced.
var ErrInTheWay = errors.New("is in the way")

// openParent opens the directory that a file is installed in, and creates what
// is missing. It goes through no links. The caller closes what it returns.
func openParent(root *os.Root, name string) (*os.Root, error) {
	dir, err := root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	if path.Dir(name) == "." {
		return dir, nil
	}
	for segment := range strings.SplitSeq(path.Dir(name), "/") {
		next, err := openStep(dir, segment)
		dir.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Dir(name), err)
		}
		dir = next
	}
	return dir, nil
}

// openStep opens a directory in another one.
func openStep(dir *os.Root, name string) (*os.Root, error) {
	if err := checkListed(dir, name); err != nil {
		return nil, err
	}
	err := dir.Mkdir(name, 0o755)
	switch {
	case err == nil:
		if err := (disk{}).syncDir(dir, "."); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	before, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%s (%v) %w", name, before.Mode().Type(), ErrInTheWay)
	}
	next, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if after, err := next.Stat("."); err != nil || !os.SameFile(before, after) {
		next.Close()
		return nil, fmt.Errorf("%s: %w", name, errors.Join(err, errChanged))
	}
	return next, nil
}

var errChanged = errors.New("it changed while it was opened")

// checkListed refuses a name if the directory has another one that is the same
// on some system.
func checkListed(dir *os.Root, name string) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	folded := fold(name)
	for _, other := range names {
		// macOS may list a name in form NFD. It is the same.
		if other != name && norm.NFC.String(other) != name && fold(other) == folded {
			return &NameError{name, fmt.Sprintf("would be in the place of %q on some systems", other)}
		}
	}
	return nil
}
