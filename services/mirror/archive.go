package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// work is a mirror's own folder: what it trusts, which no client sees, and each
// metadata file under the name that clients ask for.
//
//	trust/     a client.Folder: a sync never goes back behind it
//	metadata/  files by name, of this view and of earlier ones
//	lock       held by the one program that writes
type work struct {
	*client.Folder
	dir  string
	lock *flock.Flock
}

var errBusy = errors.New("another program is at work on this copy")

func openWork(dir string) (w *work, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "metadata"), 0o755); err != nil {
		return nil, err
	}
	w = &work{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	if ok, err := w.lock.TryLock(); err != nil || !ok {
		return nil, errors.Join(err, errBusy)
	}
	if w.Folder, err = client.OpenFolder(filepath.Join(dir, "trust")); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

func (w *work) Close() error { return errors.Join(w.Folder.Close(), w.lock.Close()) }

// metadata is where the file with a name lies.
func (w *work) metadata(name string) string {
	return filepath.Join(w.dir, "metadata", filepath.FromSlash(name))
}

// Save implements verify.Store. The file gets its public name before it is
// trusted, so that all that is trusted has one, also after a crash.
func (w *work) Save(ctx context.Context, rec verify.Record) error {
	name, err := fileName(rec.Path)
	if err != nil {
		return err
	}
	if err := writeFile(w.metadata(name), rec.Data); err != nil {
		return err
	}
	return w.Folder.Save(ctx, rec)
}

// writeFile replaces a file in one step, and only when it lies on the disk.
func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(name), "."+path.Base(filepath.ToSlash(name))+".new")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, name)
	}
	return err
}

// tidy removes what is left of earlier versions of the files that a view has.
// What it does not have stays: it may be trusted again.
func (w *work) tidy(metadata []string) error {
	listed, later := map[string]bool{}, map[string]bool{}
	for _, name := range metadata {
		listed[name] = true
		if role, versioned := withoutVersion(name); versioned {
			later[role] = true
		}
	}
	dir := os.DirFS(filepath.Join(w.dir, "metadata"))
	return fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		role, versioned := withoutVersion(name)
		if err != nil || entry.IsDir() || listed[name] || !versioned || !later[role] || role == "root.json" {
			return err
		}
		return os.Remove(w.metadata(name))
	})
}

// withoutVersion returns the name of a file without its version: 7.a.json is
// one of a.json.
func withoutVersion(name string) (role string, versioned bool) {
	version, role, found := strings.Cut(name, ".")
	_, err := strconv.ParseUint(version, 10, 63)
	return role, found && err == nil
}
