package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// work is a mirror's own folder, which no client sees.
//
//	trust/     a client.Folder: a sync never goes back behind it
//	roles/     the files of targets roles, to be loaded again
//	metadata/  files by the names that clients ask for, of earlier views too
//	lock       held by the one program that writes
type work struct {
	*client.Folder
	dir  string
	root *os.Root // of dir
	lock *flock.Flock
}

var errBusy = errors.New("another program is at work on this copy")

func openWork(dir string) (w *work, err error) {
	for _, name := range []string{"metadata", "roles"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	w = &work{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	switch ok, err := w.lock.TryLock(); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errBusy
	}
	if w.root, err = os.OpenRoot(dir); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	if w.Folder, err = client.OpenFolder(filepath.Join(dir, "trust")); err != nil {
		return nil, errors.Join(err, w.root.Close(), w.lock.Close())
	}
	return w, nil
}

func (w *work) Close() error { return errors.Join(w.Folder.Close(), w.root.Close(), w.lock.Close()) }

// metadata is where the file with a name lies.
func (w *work) metadata(name string) string {
	return filepath.Join(w.dir, "metadata", filepath.FromSlash(name))
}

// isTop says whether a record is of root, timestamp or snapshot: those protect
// from going back. A file of targets roles that is lost is fetched again, and
// one that is damaged is found out when it is loaded.
func isTop(storeName string) bool {
	switch name, _ := withoutVersion(storeName); name {
	case "root.json", "timestamp.json", "snapshot.json":
		return true
	}
	return false
}

func (w *work) role(storeName string) string { return filepath.Join(w.dir, "roles", storeName) }

// Load implements verify.Store.
func (w *work) Load(ctx context.Context, name string) ([]byte, error) {
	if isTop(name) {
		return w.Folder.Load(ctx, name)
	}
	return os.ReadFile(w.role(name))
}

// Save implements verify.Store. The file gets its public name before it is
// trusted, so that all that is trusted has one, also after a crash.
func (w *work) Save(ctx context.Context, rec verify.Record) error {
	name, err := fileName(rec.Path)
	if err != nil {
		return err
	}
	top := isTop(rec.StoreName)
	if !top && isTop(name) { // without consistent snapshots, such as of a role 2.root
		return fmt.Errorf("%s: the role's file would be in the place of another one: %s", metadata.Printable(rec.Role), name)
	}
	if err := replaceFile(w.metadata(name), rec.Data, top); err != nil {
		return err
	}
	if top {
		return w.Folder.Save(ctx, rec)
	}
	return link(w.root, "metadata/"+name, w.root, "roles/"+rec.StoreName)
}

// errLost says that roles do not have the files that clients ask for: their
// names are others since the repository has or had consistent snapshots, or
// somebody has removed them. All are to be fetched again.
var errLost = errors.New("metadata files are missing: what is known about roles was removed")

// restore sees to it that there is a file for each name.
func (w *work) restore(ctx context.Context, names []string) error {
	lost := false
	for _, name := range names {
		_, err := os.Lstat(w.metadata(name))
		switch {
		case err == nil:
		case !errors.Is(err, fs.ErrNotExist):
			return err
		case !isTop(name):
			lost = true
		default:
			stored, _ := withoutVersion(name)
			if stored == "root.json" {
				stored = name
			}
			data, err := w.Folder.Load(ctx, stored)
			if err == nil {
				err = writeFile(w.metadata(name), data)
			}
			if err != nil {
				return err
			}
		}
	}
	if !lost {
		return nil
	}
	roles := filepath.Join(w.dir, "roles")
	if err := errors.Join(os.RemoveAll(roles), os.MkdirAll(roles, 0o755)); err != nil {
		return err
	}
	if err := os.Remove(w.publishedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errLost
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
	if _, err := strconv.ParseUint(version, 10, 63); !found || err != nil {
		return name, false
	}
	return role, true
}
