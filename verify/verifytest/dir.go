package verifytest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// WriteDir writes the repository to a folder, which it makes if there is none.
// The files that the repository serves are in metadata and targets, and the
// initial trusted root of clients is root.json. A mirror is then
//
//	http.FileServer(http.Dir(dir))
//
// with metadata and targets as the paths of its base URLs. Names with ".." in
// them need a server for each of the two folders. Targets are written first and
// the timestamp last, each file in one piece. So a folder may be written to
// again while it is served. Files that the repository no longer serves stay
// there.
func (r *Repo) WriteDir(dir string) error {
	return errors.Join(
		Files{"root.json": r.first}.WriteDir(dir),
		r.targets.WriteDir(filepath.Join(dir, "targets")),
		r.metadata.WriteDir(filepath.Join(dir, "metadata")),
	)
}

// WriteDir writes the files to a folder, which it makes if there is none, so
// that an HTTP server for that folder answers requests for them. Like in FS,
// they have their decoded names: the file 2.a%2Fb.json is b.json in the folder
// 2.a.
//
// Some files cannot be written: those whose names are not UTF-8, not allowed on
// this system, or .verifytest-unfinished. Of two files that would be one, and
// of a file and a folder of the same name, the second by encoded name cannot be
// written. The error names them all, and the other files are written. Where the
// system ignores case, names that differ in case only are one file.
func (f Files) WriteDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var errs []error
	written := map[string]bool{}
	for _, key := range f.inOrder() {
		name, err := decodedName(key)
		if err == nil && written[name] {
			err = fs.ErrExist
		}
		if err == nil {
			written[name] = true
			err = replaceFile(root, name, f[key])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("verifytest: %q: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// inOrder returns the names, the timestamp's last: a client that sees a new
// timestamp finds all other files.
func (f Files) inOrder() []string {
	names := slices.Sorted(maps.Keys(f))
	if i, ok := slices.BinarySearch(names, "timestamp.json"); ok {
		names = append(slices.Delete(names, i, i+1), "timestamp.json")
	}
	return names
}

// decodedName returns the name that a server for a folder looks for when it is
// asked for the encoded one.
func decodedName(key string) (string, error) {
	name, err := url.PathUnescape(key)
	if err != nil {
		return "", err
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	first, _, _ := strings.Cut(name, "/")
	if name == "" || !fs.ValidPath(name) || strings.EqualFold(first, unfinished) {
		return "", fs.ErrInvalid
	}
	return name, nil
}

// unfinished is the name of a file while it is written.
const unfinished = ".verifytest-unfinished"

// replaceFile writes a file in one piece.
func replaceFile(root *os.Root, name string, data []byte) error {
	name, err := filepath.Localize(name)
	if err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.WriteFile(unfinished, data, 0o644); err != nil {
		return err
	}
	if err := root.Rename(unfinished, name); err != nil {
		return errors.Join(err, root.Remove(unfinished))
	}
	return nil
}
