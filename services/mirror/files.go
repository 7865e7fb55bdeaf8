package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
)

// hidden is a name next to another one, for what is not yet whole. The name
// itself may be as long as a name can be.
func hidden(name, extension string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(filepath.Dir(name), "."+hex.EncodeToString(sum[:])+extension)
}

// writeFile replaces a file in one step, and only when it lies on the disk.
func writeFile(name string, data []byte) error { return replaceFile(name, data, true) }

func replaceFile(name string, data []byte, durable bool) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp := hidden(name, ".new")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if durable && err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, name)
	}
	return err
}

// link gives a file a second name in one step, in the place of what has it. No
// folder on the way may lead elsewhere. Where a file system has no links, or
// the whole path is too long for one, that is a copy.
func link(from *os.Root, old string, to *os.Root, name string) error {
	info, err := from.Lstat(old)
	if err != nil {
		return err
	}
	if there, err := to.Lstat(name); err == nil && os.SameFile(info, there) {
		return nil
	}
	if err := to.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	temp := path.Base(filepath.ToSlash(hidden(name, ".new"))) // at the top, where paths are short
	_ = to.Remove(temp)                                       // of a program that was killed; otherwise Link fails
	if os.Link(filepath.Join(from.Name(), filepath.FromSlash(old)), filepath.Join(to.Name(), temp)) != nil {
		if err := copyFile(from, old, to, temp); err != nil {
			return err
		}
	}
	return to.Rename(temp, name)
}

// copyFile writes a copy to the disk.
func copyFile(from *os.Root, old string, to *os.Root, name string) error {
	data, err := from.Open(old)
	if err != nil {
		return err
	}
	defer data.Close()
	file, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, data)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDir writes a folder's entries to the disk, where a system can.
func syncDir(name string) {
	if d, err := os.Open(name); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
