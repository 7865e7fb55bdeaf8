// Package cachedir keeps the metadata that was trusted in a directory, one file
// per record. It implements verify.Store.
//
// Whatever happens to it, the next run ends well: a process killed at any
// moment, a full disk, several processes at once, files that are damaged,
// missing, swapped or another repository's. A save that fails fails the run,
// and nothing is installed. Files are verified when they are read, and a bad
// one is reported and replaced; a directory in the place of one is left alone,
// and reported until somebody removes it.
//
// What is kept from going back, and by which files:
//
//   - Any one file may be lost. The timestamp refuses an older timestamp or
//     snapshot; the snapshot refuses one that lists an older targets role, or
//     no longer lists one, also where the timestamp is lost.
//   - Each root that was seen is there twice, as 7.root.json and, the newest,
//     as root.json: either keeps a mirror from hiding it.
//   - Files of targets roles are no floors. Losing them costs requests.
//   - With timestamp.json and snapshot.json both lost, which is reported, a
//     mirror can show an older state of the repository until that state's
//     timestamp expires. With the directory lost it is a first run.
//
// Whoever can write here can lock the user out, and undo this protection; never
// have anything trusted that the root file does not vouch for.
package cachedir

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/tufwalk/tufwalk/examples/internal/durable"
	"github.com/tufwalk/tufwalk/verify"
)

const (
	lockName = ".lock" // no record has such a name: theirs end in .json
	// maxLoad keeps a cache that somebody filled with rubbish from filling the
	// memory.
	maxLoad = 64 << 20
	// lockPoll is how often a lock that another process holds is tried again.
	lockPoll = 20 * time.Millisecond
)

// Dir is a directory of records. It may be used by several goroutines and
// processes; who compares before saving must hold Lock.
type Dir struct{ path string }

// Open returns the directory at a path, and makes it if need be.
func Open(path string) (*Dir, error) {
	abs, err := filepath.Abs(path) // stays the same when the program changes its directory
	if err == nil {
		err = makeDir(abs)
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Dir{abs}, nil
}

// makeDir makes a directory durably: what is saved in it must not be lost with
// it.
func makeDir(path string) error {
	var parents []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Lstat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		parents = append(parents, filepath.Dir(p))
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, parent := range parents {
		dir, err := os.Open(parent)
		if err != nil {
			return err
		}
		err = durable.SyncDir(dir)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Path returns where the directory is.
func (d *Dir) Path() string { return d.path }

// Load returns what was saved under a name; the error wraps fs.ErrNotExist if
// nothing was.
func (d *Dir) Load(name string) ([]byte, error) {
	path, err := d.file(name)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // to open a pipe might take for ever
		return nil, fmt.Errorf("%s: not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLoad+1))
	if err == nil && len(data) > maxLoad {
		err = fmt.Errorf("%s: larger than any metadata", path)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Save stores a record in one piece and durably: it writes and syncs another
// file, renames it, and syncs the directory.
func (d *Dir) Save(rec verify.Record) error {
	if _, err := d.file(rec.StoreName); err != nil {
		return err
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return err
	}
	defer root.Close()
	return durable.Write(root, rec.StoreName, 0o600, func(w io.Writer) error {
		_, err := w.Write(rec.Data)
		return err
	})
}

// Lock waits until no other process, and nobody else in this one, holds the
// directory's lock.
func (d *Dir) Lock(ctx context.Context) (unlock func(), err error) {
	lock := flock.New(filepath.Join(d.path, lockName))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	return func() { _ = lock.Unlock() }, nil
}

// file returns a record's path. The session's names are all safe; whoever makes
// up others should hear of it.
func (d *Dir) file(name string) (string, error) {
	if name == "" || name == lockName || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is no record's name", name)
	}
	return filepath.Join(d.path, name), nil
}
