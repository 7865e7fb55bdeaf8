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

// WriteDir writes the repository to a folder, which is made if need be: what it
// serves under metadata and targets, and the anchor, which a client is shipped
// with, as root.json. A mirror is then
//
//	http.FileServer(http.Dir(dir))
//
// with metadata and targets as the paths of its base URLs. (Names with ".." in
// them need a server for each of the two folders.) Targets are written first
// and the timestamp last, each file in one piece, so that a folder that is
// being served may be written to again when more has been published. Files that
// the repository does not serve any more stay there.
func (r *Repo) WriteDir(dir string) error {
	return errors.Join(
		Files{"root.json": r.anchor}.WriteDir(dir),
		r.targets.WriteDir(filepath.Join(dir, "targets")),
		r.metadata.WriteDir(filepath.Join(dir, "metadata")),
	)
}

// WriteDir writes the files to a folder, which is made if need be, so that an
// HTTP server for that folder answers requests for them: under their decoded
// names, as in FS. The file 2.a%2Fb.json is b.json in the folder 2.a. An error
// names the files that cannot be written there, and the others are written all
// the same: names that are not UTF-8 or not allowed on this system,
// .verifytest-unfinished, and of two files that would be one, or of a file and
// a folder of the same name, the second by encoded name. Where the system
// ignores case, names that differ in nothing else are one file.
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

// inOrder returns the names, the timestamp's last: a client that sees the new
// one finds all the rest.
func (f Files) inOrder() []string {
	names := slices.Sorted(maps.Keys(f))
	if i, ok := slices.BinarySearch(names, "timestamp.json"); ok {
		names = append(slices.Delete(names, i, i+1), "timestamp.json")
	}
	return names
}

// decodedName returns the name under which a server for a folder looks for what
// is asked for under the encoded one.
func decodedName(key string) (string, error) {
	name, err := url.PathUnescape(key)
	if err != nil {
		return "", err
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if first, _, _ := strings.Cut(name, "/"); name == "" || !fs.ValidPath(name) || strings.EqualFold(first, unfinished) {
		return "", fs.ErrInvalid
	}
	return name, nil
}

// unfinished is the name of a file before it is whole.
const unfinished = ".verifytest-unfinished"

// replaceFile puts a file in its place in one piece.
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
