// Package cachedir stores trusted metadata in a directory, one file per record.
// It implements verify.Store and verify.Locker, so several processes may use
// one directory: verify.Session.Save compares before it saves.
//
// The next run succeeds after a crash at any moment, after a full disk, with
// several processes at once, and with files that are damaged, missing, swapped
// or another repository's. A save that fails ends the run, and nothing is
// installed. Files are verified when they are read. A bad file is reported and
// replaced. A directory in the place of a file is left alone, and reported
// until somebody removes it.
//
// How far the stored files protect against rollback:
//
//   - Any one file may be lost. The stored timestamp refuses an older timestamp
//     or snapshot. The stored snapshot refuses a snapshot that lists an older
//     targets role, or no longer lists one, even if the timestamp is lost.
//   - Each root is stored as 7.root.json, and the newest also as root.json.
//     Either file stops a mirror from hiding that root.
//   - Files of targets roles give no rollback protection. Losing them costs
//     requests.
//   - If timestamp.json and snapshot.json are both lost, which is reported, a
//     mirror can show an older state of the repository until that state's
//     timestamp expires. If the directory is lost, the next run is a first run.
//
// Anyone who can write here can lock the user out and undo this protection, but
// cannot make the session trust anything that the trusted root does not lead
// to.
package cachedir

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/tufwalk/tufwalk/examples/internal/durable"
	"github.com/tufwalk/tufwalk/verify"
)

const (
	lockName = ".lock" // no record has such a name: theirs end in .json
	// maxLoad bounds the memory that a damaged cache can fill, in bytes.
	maxLoad = 64 << 20
	// lockPoll is the pause before a lock that another process holds is tried
	// again.
	lockPoll = 20 * time.Millisecond
)

// Dir is a directory of records. Several goroutines and processes may use it.
type Dir struct {
	path  string
	swept sync.Once
}

// Open returns the directory at a path, and creates it if necessary.
func Open(path string) (*Dir, error) {
	abs, err := filepath.Abs(path) // the program may change its working directory
	if err == nil {
		err = makeDir(abs)
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Dir{path: abs}, nil
}

// makeDir creates a directory durably. Otherwise a crash could lose it, with
// the records in it.
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

// Load returns what was saved under a name. The error wraps fs.ErrNotExist if
// nothing was.
func (d *Dir) Load(_ context.Context, name string) ([]byte, error) {
	path, err := d.file(name)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // opening a pipe may block forever
		return nil, fmt.Errorf("%s: not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLoad+1))
	if err == nil && len(data) > maxLoad {
		err = fmt.Errorf("%s: larger than the limit of %d bytes", path, maxLoad)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Save stores a record atomically and durably: it writes and syncs a temporary
// file, renames it, and syncs the directory. A crash between two saves does no
// harm: a session orders them so that each file helps the next run.
//
// The caller must hold Lock if another process may be using the directory.
func (d *Dir) Save(_ context.Context, rec verify.Record) error {
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

// Lock waits until no other process, and no other goroutine, holds the lock of
// the directory. The first call removes the temporary files of killed
// processes.
func (d *Dir) Lock(ctx context.Context) (unlock func(), err error) {
	lock := flock.New(filepath.Join(d.path, lockName))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	d.swept.Do(d.sweep)
	return func() { _ = lock.Unlock() }, nil
}

// sweep removes what killed processes left. No other process is writing.
func (d *Dir) sweep() {
	if root, err := os.OpenRoot(d.path); err == nil {
		durable.Sweep(root, ".")
		root.Close()
	}
}

// file returns a record's path. All names of a session are safe; a caller that
// makes up others gets an error.
func (d *Dir) file(name string) (string, error) {
	if name == "" || name == lockName || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not the name of a record", name)
	}
	return filepath.Join(d.path, name), nil
}
