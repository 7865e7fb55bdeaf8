//go:build !linux

package main

import (
	"io/fs"
	"os"
	"path/filepath"
)

// syncEntry writes the entries of a folder to the disk.
func syncEntry(folder string) { syncDir(folder) }

// syncTree writes the files below a folder to the disk.
func syncTree(dir, below string) error {
	err := filepath.WalkDir(below, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err == nil {
			err = f.Sync()
			_ = f.Close()
		}
		return err
	})
	syncDir(below)
	syncDir(filepath.Dir(below))
	syncDir(dir)
	return err
}
