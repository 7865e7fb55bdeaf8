package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"

	"github.com/tufwalk/tufwalk/verify"
)

// InstallOptions may be left zero.
type InstallOptions struct {
	// Perm are the permissions of the file; 0 means 0644.
	Perm fs.FileMode
	// Running says that the file may be a program that is running. On Windows
	// the old one is renamed out of the way then, and removed by a later
	// Install. Elsewhere it makes no difference.
	Running bool
	// Progress is as in DownloadOptions.
	Progress func(Progress)
}

// Install downloads a target and puts it into a directory under a name, which
// may have slashes. It creates missing directories. A file of that name is
// replaced in one step, and only by one that is verified and lies on the disk;
// if it is the right one already, nothing is downloaded. A later call goes on
// with a download that broke off: until then a hidden file lies next to the
// name. Several processes may install into one directory.
//
// Install does not leave the directory, and goes through no links in it. A link
// or a directory that has the name is not replaced (ErrInTheWay). The caller
// must see to it that nobody else can write to the directory.
//
// Errors are *NameError for a name that CheckName refuses or that would replace
// another file on some system, *verify.CopyError (Writing) for one of the disk,
// and otherwise those of Download.
func (m *Mirrors) Install(ctx context.Context, t Target, root *os.Root, name string, o InstallOptions) error {
	if t.verifier == nil {
		return verify.ErrUntrusted
	}
	if err := CheckName(name); err != nil {
		return err
	}
	err := m.install(ctx, t, root, name, o)
	switch {
	case err == nil, errors.As(err, new(*NameError)), errors.As(err, new(*DownloadError)),
		errors.As(err, new(*verify.CopyError)), isWrong(err),
		ctx.Err() != nil:
		return err
	}
	return &verify.CopyError{Path: t.Path, Writing: true, Err: fmt.Errorf("%s: %w", root.Name(), err)}
}

func (m *Mirrors) install(ctx context.Context, t Target, root *os.Root, name string, o InstallOptions) error {
	dir, err := openParent(root, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	base := path.Base(name)
	if err := checkListed(dir, base); err != nil {
		return err
	}
	if done, err := inPlace(dir, base, t); done || err != nil {
		return err
	}
	p, err := openPart(ctx, dir, base, t)
	if err != nil {
		return err
	}
	defer p.close()
	if done, err := inPlace(dir, base, t); done || err != nil { // by the process that had the lock
		return err
	}
	if err := m.Download(ctx, t, p.file, DownloadOptions{Progress: o.Progress}); err != nil {
		return err
	}
	if o.Perm == 0 {
		o.Perm = 0o644
	}
	return p.place(base, o.Perm, o.Running && runtime.GOOS == "windows")
}

// inPlace says whether the right file has the name. Nothing but a file may have
// it.
func inPlace(dir *os.Root, name string, t Target) (bool, error) {
	info, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s (%v) %w", name, info.Mode().Type(), ErrInTheWay)
	}
	return verifyFile(dir, name, info, t), nil
}
