package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"golang.org/x/sync/singleflight"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// folder is a copy in a folder:
//
//	current            a link to states/7, which a web server serves
//	states/7/metadata  links to what .mirror/metadata has
//	states/7/targets   a link to ../../targets or, without consistent
//	                   snapshots, a folder of links to files
//	targets            with consistent snapshots: files, names with a digest
//	files              without: files by digests and length
//	.mirror            the work of the mirror itself
//
// A state does not change once it has its number. The link current is replaced
// in one step, so that a client sees one whole state at any moment.
type folder struct {
	dir        string
	root       *os.Root
	lock       *flock.Flock // held from begin on: a work may be that of another copy
	store      *os.Root     // targets or files
	consistent bool
	parts      bool               // there may be parts, of a sync that broke off
	adding     singleflight.Group // two targets may be one file of the store
}

const (
	nextState = "states/next"
	partExt   = ".part"
)

// openFolder opens a folder that exists. begin makes what is in it.
func openFolder(dir string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &folder{dir: dir, root: root, lock: flock.New(filepath.Join(dir, "states", ".lock"))}, nil
}

func (f *folder) close() error {
	if f.store != nil {
		_ = f.store.Close()
	}
	return errors.Join(f.root.Close(), f.lock.Close())
}

// storeName is the folder of the store.
func (f *folder) storeName() string {
	if f.consistent {
		return "targets"
	}
	return "files"
}

func (f *folder) begin(_ context.Context, consistent, all bool) (err error) {
	if err := f.root.MkdirAll("states", 0o755); err != nil {
		return err
	}
	switch ok, err := f.lock.TryLock(); {
	case err != nil:
		return err
	case !ok:
		return errBusy
	}
	f.consistent = consistent
	_, err = f.root.Lstat(nextState)
	f.parts = f.parts || all || err == nil
	name := f.storeName()
	if err := f.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	if f.store != nil { // of a state that was begun before
		_ = f.store.Close()
	}
	if f.store, err = f.root.OpenRoot(name); err != nil {
		return err
	}
	if err := f.root.RemoveAll(nextState); err != nil { // of a sync that was killed
		return err
	}
	if err := f.root.MkdirAll(nextState+"/metadata", 0o755); err != nil {
		return err
	}
	if consistent {
		return f.root.Symlink("../../targets", nextState+"/targets")
	}
	return f.root.MkdirAll(nextState+"/targets", 0o755)
}

// inStore returns the names that a target has in the store. They say all that a
// file is compared with, so that what has its name was verified.
func (f *folder) inStore(t *verify.Target, names []string) []string {
	if f.consistent {
		return names
	}
	all, _ := digests(t) // it has names
	return []string{fmt.Sprintf("%s/%s-%d", all[0][:2], strings.Join(all, "-"), t.Length)}
}

func (f *folder) keys(t *verify.Target, names []string) []string {
	return below(f.storeName(), f.inStore(t, names))
}

func (f *folder) has(_ context.Context, t *verify.Target, names []string) (bool, error) {
	if there, err := f.holds(t, names); err != nil || !there {
		return false, err
	}
	return true, f.place(t, names)
}

// holds says whether the store has a target under all its names.
func (f *folder) holds(t *verify.Target, names []string) (bool, error) {
	for _, name := range f.inStore(t, names) {
		info, err := f.store.Lstat(filepath.FromSlash(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false, nil
		case err != nil:
			return false, err
		case !info.Mode().IsRegular() || info.Size() != t.Length:
			return false, nil
		}
	}
	return true, nil
}

// add downloads into a hidden file, in which the next sync goes on if this one
// is killed. What has its name in the store is verified and on the disk.
func (f *folder) add(
	ctx context.Context, m *client.Mirrors, t *verify.Target, names []string, o client.DownloadOptions,
) error {
	stored := f.inStore(t, names)
	_, err, _ := f.adding.Do(stored[0], func() (any, error) {
		if there, err := f.holds(t, names); err != nil || there { // by now: two targets may be one file
			return nil, err
		}
		return nil, f.download(ctx, m, t, stored[0], o)
	})
	if err != nil {
		return err
	}
	for _, name := range stored[1:] {
		if err := link(f.store, stored[0], f.store, name); err != nil {
			return err
		}
	}
	return f.place(t, names)
}

func (f *folder) download(
	ctx context.Context, m *client.Mirrors, t *verify.Target, name string, o client.DownloadOptions,
) error {
	target, err := client.TargetOf(t)
	if err != nil {
		return err
	}
	if err := f.store.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	part := hidden(name, partExt)
	dst, err := f.store.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = m.Download(ctx, target, dst, o)
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	if err := f.store.Rename(part, name); err != nil {
		return err
	}
	syncEntry(filepath.Join(f.store.Name(), filepath.FromSlash(path.Dir(name))))
	return nil
}

// place makes a target that is in the store a part of the state.
func (f *folder) place(t *verify.Target, names []string) error {
	if f.consistent {
		return nil
	}
	next, err := f.root.OpenRoot(nextState + "/targets")
	if err != nil {
		return err
	}
	defer next.Close()
	return link(f.store, f.inStore(t, names)[0], next, names[0])
}

// publish links the metadata into the state, gives it a number and switches.
func (f *folder) publish(_ context.Context, w *work, metadata []string, g *gone) error {
	number, err := f.current()
	if err != nil { // what has the name is no link: nothing is replaced then
		return err
	}
	from, err := os.OpenRoot(filepath.Join(w.dir, "metadata"))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := f.root.OpenRoot(nextState + "/metadata")
	if err != nil {
		return err
	}
	defer to.Close()
	for _, name := range metadata {
		if err := link(from, name, to, name); err != nil {
			return err
		}
	}
	if f.consistent {
		if err := f.carryOver(to, g); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("states/%d", number+1)
	if err := f.root.RemoveAll(name); err != nil { // of a sync that was killed before the switch
		return err
	}
	if err := f.root.Rename(nextState, name); err != nil {
		return err
	}
	return f.show(name)
}

// show switches the link current.
func (f *folder) show(state string) error {
	if err := syncTree(f.dir, filepath.Join(f.dir, filepath.FromSlash(state), "metadata")); err != nil {
		return err
	}
	const fresh = "current.new"
	if err := f.remove(context.Background(), fresh); err != nil {
		return err
	}
	if err := f.root.Symlink(state, fresh); err != nil {
		return err
	}
	if err := f.root.Rename(fresh, "current"); err != nil {
		return err
	}
	syncDir(f.dir)
	return nil
}

// carryOver adds to a state the metadata of the one before that it does not
// have, for clients that have begun with that, unless its time is over.
// (Versions are in their names.)
func (f *folder) carryOver(to *os.Root, g *gone) error {
	from, err := f.root.OpenRoot("current/metadata")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	return fs.WalkDir(from.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if _, err := to.Lstat(name); err == nil || !g.stays("metadata/"+name) {
			return nil
		}
		return link(from, name, to, name)
	})
}

// current returns the number of the published state, and 0 before there is one.
func (f *folder) current() (int, error) {
	state, err := f.root.Readlink("current")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return strconv.Atoi(path.Base(filepath.ToSlash(state)))
}

func (f *folder) open(_ context.Context, name string) (io.ReadCloser, error) {
	file, err := f.root.Open("current/" + name)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *folder) stored(_ context.Context, do func(key string) error) error {
	return f.eachStored(func(name string, part bool) error {
		if part {
			return nil
		}
		return do(f.storeName() + "/" + name)
	})
}

// eachStored calls a function with the files of the store. It says which are
// parts, of a download that broke off.
func (f *folder) eachStored(do func(name string, part bool) error) error {
	return fs.WalkDir(f.store.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return do(name, entry.Name()[0] == '.' && path.Ext(name) == partExt)
	})
}

// tidy looks for parts only if a sync may have left some.
func (f *folder) tidy() error {
	if err := f.removeStates(); err != nil || !f.parts {
		return err
	}
	return f.eachStored(func(name string, part bool) error {
		if !part {
			return nil
		}
		return f.store.Remove(name)
	})
}

// removeStates removes the states before the last two: the one before the
// published one stays for requests that are under way.
func (f *folder) removeStates() error {
	number, err := f.current()
	if err != nil {
		return err
	}
	states, err := fs.ReadDir(f.root.FS(), "states")
	if err != nil {
		return err
	}
	for _, s := range states {
		if n, err := strconv.Atoi(s.Name()); err == nil && n < number-1 {
			if err := f.root.RemoveAll("states/" + s.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *folder) remove(_ context.Context, key string) error {
	err := f.root.Remove(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
