package bucket

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Folders in a folder that are not objects. No key begins with a dot.
const (
	spoolDir = ".spool"
	tempDir  = ".temp"
)

// tempAge is the age at which the temporary file of a killed process is
// removed: no write takes so long.
const tempAge = 24 * time.Hour

// folder is a bucket in a folder. Several processes may use it.
type folder struct{ path string }

func newFolder(path string) (*folder, error) {
	f := &folder{path}
	if err := os.MkdirAll(filepath.Join(path, tempDir), 0o700); err != nil {
		return nil, err
	}
	old, err := os.ReadDir(filepath.Join(path, tempDir))
	if err != nil {
		return nil, err
	}
	for _, e := range old {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > tempAge {
			_ = os.Remove(filepath.Join(path, tempDir, e.Name()))
		}
	}
	return f, nil
}

// name is where an object is. Keys are made by this package.
func (f *folder) name(key string) string { return filepath.Join(f.path, filepath.FromSlash(key)) }

func (f *folder) list(ctx context.Context, prefix string) ([]object, error) {
	var list []object
	err := filepath.WalkDir(f.name(prefix), func(path string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist): // it has just been removed
			return nil
		case err != nil:
			return err
		case e.IsDir() || !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.path, path)
		if err == nil {
			list = append(list, object{filepath.ToSlash(rel), info.Size(), info.ModTime()})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	sortByKey(list)
	return list, nil
}

func (f *folder) open(_ context.Context, key string) (*body, error) {
	file, info, err := openRegular(f.name(key))
	if err != nil {
		return nil, err
	}
	return &body{file, info.Size(), info.ModTime()}, nil
}

// openRegular opens a file. A name that is something else is none.
func openRegular(name string) (*os.File, fs.FileInfo, error) {
	file, err := os.Open(name)
	if errors.Is(err, syscall.ENOTDIR) {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

func (f *folder) write(ctx context.Context, key string, data []byte, durable bool) error {
	return f.writeFrom(ctx, key, strings.NewReader(string(data)), durable)
}

// writeFrom writes a temporary file and renames it.
func (f *folder) writeFrom(ctx context.Context, key string, from io.Reader, durable bool) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Join(f.path, tempDir), "")
	if err != nil {
		return err
	}
	_, err = io.Copy(temp, from)
	if err == nil && durable {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = f.place(temp.Name(), key)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return err
	}
	if durable {
		return f.syncDirs(key)
	}
	return nil
}

// place renames a file to an object.
func (f *folder) place(from, key string) error {
	name := f.name(key)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.Rename(from, name)
}

// syncDirs makes the name of an object durable.
func (f *folder) syncDirs(key string) error {
	for name := filepath.Dir(f.name(key)); ; name = filepath.Dir(name) {
		if err := syncDir(name); err != nil || name == f.path {
			return err
		}
	}
}

// syncDir syncs a directory, where the system can.
func syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// add moves the file, or copies it where it cannot be moved. It is not synced:
// its digest is compared before it is used, by each process.
func (f *folder) add(ctx context.Context, key string, file *os.File) error {
	if err := f.place(file.Name(), key); err == nil {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return f.writeFrom(ctx, key, io.NewSectionReader(file, 0, info.Size()), false)
}

func (f *folder) remove(_ context.Context, key string) error {
	err := os.Remove(f.name(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *folder) close() error { return nil }
