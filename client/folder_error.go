package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

var (
	// ErrReadOnly is returned (wrapped) when a store cannot be written to: the
	// system does not permit it, or it is a read-only view.
	ErrReadOnly = errors.New("read-only")
	// ErrOtherRepository is returned (wrapped) when a folder has become the
	// store of another repository: another program uses it with another trusted
	// root.
	ErrOtherRepository = errors.New("the folder belongs to another repository now")
	// ErrNotAFile is returned (wrapped) for what has the name of a record and
	// is no file: a directory, a link, a pipe. It is neither followed nor
	// removed.
	ErrNotAFile = errors.New("not a file")
)

// FolderError says what went wrong with a Folder. Its kind is
// verify.KindStore, unless a context ended. It wraps the error of the system,
// which errors.Is finds: fs.ErrNotExist, fs.ErrPermission, syscall.ENOSPC for a
// full disk.
type FolderError struct {
	// Folder is the absolute path of the folder.
	Folder string
	// Name is the file in it; empty: the folder itself.
	Name string
	// Op is what could not be done, as a participle: "opened", "locked",
	// "loaded", "saved", "set aside", "removed".
	Op  string
	Err error
}

func (e *FolderError) Error() string {
	name := filepath.Join(e.Folder, e.Name)
	return fmt.Sprintf("%s could not be %s: %v", metadata.Printable(name), e.Op, withoutPath(e.Err))
}

func (e *FolderError) Unwrap() error { return e.Err }

// Kind is for verify.KindOf.
func (e *FolderError) Kind() verify.Kind {
	if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
		return verify.KindUnknown
	}
	return verify.KindStore
}

// withoutPath returns an error without the path that a FolderError says
// already.
func withoutPath(err error) error {
	path, link := new(fs.PathError), new(os.LinkError)
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// failed returns a FolderError.
func (f *Folder) failed(op, name string, err error) error {
	return &FolderError{Folder: f.path, Name: name, Op: op, Err: err}
}

// notWritten is failed for what changes the folder.
func (f *Folder) notWritten(op, name string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		err = fmt.Errorf("%w: %w", ErrReadOnly, withoutPath(err))
	}
	return f.failed(op, name, err)
}
