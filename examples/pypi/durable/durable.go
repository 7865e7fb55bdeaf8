// Package durable replaces files atomically. After a crash at any moment a file
// has its old content or its new content, and a write that was reported as done
// is not lost.
package durable

import (
	"crypto/rand"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
)

// Step is for tests only. It is called before each operation on the disk, and
// may make it fail or end the process there.
var Step = func(what, name string) error { return nil }

// Write calls fill for a temporary file in the directory of the file, and
// renames it only if that succeeds. It creates missing directories. A process
// that is killed may leave a hidden file ending in .part.
func Write(root *os.Root, name string, perm fs.FileMode, fill func(io.Writer) error) error {
	dir := path.Dir(name)
	if err := makeDir(root, dir); err != nil {
		return err
	}
	temp := path.Join(dir, ".tufwalk-"+rand.Text()+".part")
	f, err := create(root, temp, perm)
	if err != nil {
		return err
	}
	if err = fill(f); err == nil {
		err = f.sync()
	}
	if e := f.close(); err == nil {
		err = e
	}
	if err == nil {
		err = rename(root, temp, name)
	}
	if err != nil {
		_ = remove(root, temp)
		return err
	}
	return syncUp(root, dir)
}

// syncUp syncs a directory and those above it. Without it a crash may lose a
// rename, or keep a later rename and lose this one.
func syncUp(root *os.Root, dir string) error {
	for ; ; dir = path.Dir(dir) {
		f, err := root.Open(dir)
		if err != nil {
			return err
		}
		err = syncDir(f)
		f.Close()
		if err != nil || dir == "." {
			return err
		}
	}
}

// syncDir makes renames in a directory durable. Windows has no such call and
// needs none: NTFS has a journal of them.
func syncDir(dir *os.File) error {
	if err := Step("sync directory", dir.Name()); err != nil || runtime.GOOS == "windows" {
		return err
	}
	return dir.Sync()
}

func makeDir(root *os.Root, dir string) error {
	if err := Step("make directory", dir); err != nil {
		return err
	}
	return root.MkdirAll(dir, 0o755)
}

func rename(root *os.Root, from, to string) error {
	if err := Step("rename", to); err != nil {
		return err
	}
	return root.Rename(from, to)
}

func remove(root *os.Root, name string) error {
	if err := Step("remove", name); err != nil {
		return err
	}
	return root.Remove(name)
}

// file is a file that is being written.
type file struct{ f *os.File }

func create(root *os.Root, name string, perm fs.FileMode) (file, error) {
	if err := Step("create", name); err != nil {
		return file{}, err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	return file{f}, err
}

func (f file) Write(p []byte) (int, error) {
	if err := Step("write", f.f.Name()); err != nil {
		n, _ := f.f.Write(p[:len(p)/2]) // like a disk that fills up
		return n, err
	}
	return f.f.Write(p)
}

func (f file) sync() error {
	if err := Step("sync", f.f.Name()); err != nil {
		return err
	}
	return f.f.Sync()
}

func (f file) close() error {
	err := Step("close", f.f.Name())
	if e := f.f.Close(); err == nil { // even then: a failing test must not leak files
		err = e
	}
	return err
}
