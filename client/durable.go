package client

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// disk is how a Folder changes files: after a crash at any moment each has its
// old content or its new one, and a write that was reported as done is not
// lost.
type disk struct {
	// step is for tests. It is called before each operation, and may make it
	// fail or end the process there.
	step func(op, name string) error
}

func (d disk) before(op, name string) error {
	if d.step == nil {
		return nil
	}
	return d.step(op, name)
}

// A file has such a name while it is written.
const tempPrefix, tempSuffix = ".tufwalk-record-", ".tmp"

// isTemp matches the names that write makes up, and no others.
var isTemp = regexp.MustCompile(`^\.tufwalk-record-[A-Z2-7]{26}\.tmp$`)

// write replaces a file: it writes and syncs a temporary file, renames it, and
// syncs the directory. A process that is killed may leave the temporary file.
func (d disk) write(root *os.Root, name string, data []byte) error {
	temp := tempPrefix + rand.Text() + tempSuffix
	err := d.create(root, temp, data)
	if err == nil {
		err = d.rename(root, temp, name)
	}
	if err != nil {
		_ = d.remove(root, temp)
		return err
	}
	return d.syncDir(root, ".")
}

// create writes a new file, and syncs it.
func (d disk) create(root *os.Root, name string, data []byte) error {
	if err := d.before("create", name); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = d.fill(f, name, data); err == nil {
		if err = d.before("sync", name); err == nil {
			err = f.Sync()
		}
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func (d disk) fill(f *os.File, name string, data []byte) error {
	if err := d.before("write", name); err != nil {
		_, _ = f.Write(data[:len(data)/2]) // like a disk that fills up
		return err
	}
	_, err := f.Write(data)
	return err
}

// A rename is tried so often where another program can be in the way.
const (
	renameTries = 10
	renamePause = 50 * time.Millisecond
)

// rename replaces a file by another. On Windows it waits a little for a program
// that has one of the two open, such as a virus scanner.
func (d disk) rename(root *os.Root, from, to string) (err error) {
	for try := range renameTries {
		if try > 0 {
			time.Sleep(renamePause)
		}
		if err = d.before("rename", to); err == nil {
			err = root.Rename(from, to)
		}
		if err == nil || !isBusy(err) {
			return err
		}
	}
	return err
}

func (d disk) remove(root *os.Root, name string) error {
	if err := d.before("remove", name); err != nil {
		return err
	}
	return root.Remove(name)
}

// sweep removes the temporary files that killed processes left, as far as it
// can. Nobody may be writing.
func (d disk) sweep(root *os.Root) {
	entries, _ := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if isTemp.MatchString(e.Name()) && e.Type().IsRegular() {
			_ = d.remove(root, e.Name())
		}
	}
}

// syncDir makes the renames in a directory durable.
func (d disk) syncDir(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return d.sync(dir)
}

// sync syncs a directory. Windows has no such call and needs none: NTFS has a
// journal of renames. Nor do all other file systems have it; then a rename is
// as durable as the file system makes it.
func (d disk) sync(dir *os.File) error {
	if err := d.before("sync directory", dir.Name()); err != nil || runtime.GOOS == "windows" {
		return err
	}
	if err := dir.Sync(); !cannotSync(err) {
		return err
	}
	return nil
}

func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}

// makeDir creates a directory durably, with those above it. Otherwise a crash
// could lose it, with the files in it.
func (d disk) makeDir(path string) error {
	var parents []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		parents = append(parents, filepath.Dir(p))
	}
	if err := d.before("make directory", path); err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, parent := range parents {
		dir, err := os.Open(parent)
		if err != nil {
			return err
		}
		err = d.sync(dir)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
