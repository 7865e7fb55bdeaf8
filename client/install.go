package client

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	// Progress and Failed are as in DownloadOptions.
	Progress func(Progress)
	Failed   func(MirrorFailed)
}

// Install downloads a target and puts it into a directory under a name, which
// may have slashes. It creates missing directories. A file of that name is
// replaced in one step, and only by one that is verified and lies on the disk;
// if it is the right one already, nothing is downloaded. A later call goes on
// with a download that broke off: until then a hidden file lies next to the
// name. Several processes may install into one directory.
//
// Install does not leave the directory, and goes through no links in it. A link
// or a directory that has the name is not replaced (ErrInTheWay). A file that
// belongs to another user, or has a second name, a hard link, is replaced even
// if it is right: it could be changed afterwards. The caller must see to it
// that nobody else can write to the directory.
//
// Errors are *NameError for a name that CheckName refuses or that would replace
// another file on some system, *verify.CopyError (Writing) for one of the disk,
// and otherwise those of Download.
func (m *Mirrors) Install(ctx context.Context, t Target, root *os.Root, name string, o InstallOptions) error {
	return install(ctx, t, root, name, o, func(dst Partial) error {
		return m.Download(ctx, t, dst, DownloadOptions{Progress: o.Progress, Failed: o.Failed})
	})
}

// InstallFrom is Mirrors.Install from something else than mirrors, such as an
// archive or a disk: it reads the target from src, to its end. It begins anew
// each time, and reports no progress. Errors about the bytes and about src are
// those of verify.Target.Copy.
func InstallFrom(
	ctx context.Context, src io.Reader, t Target, root *os.Root, name string, o InstallOptions,
) error {
	return install(ctx, t, root, name, o, func(dst Partial) error {
		err := dst.Truncate(0)
		if err == nil {
			err = verify.CopyVerified(t.Path, dst, reader{ctx, src}, t.verifier())
		}
		if err != nil {
			_ = dst.Truncate(0) // there is nothing to go on with
		}
		return err
	})
}

// reader ends with a context.
type reader struct {
	ctx context.Context
	src io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.src.Read(p)
}

// install installs what fetch writes: it returns nil only if that is verified.
func install(
	ctx context.Context, t Target, root *os.Root, name string, o InstallOptions, fetch func(Partial) error,
) error {
	if t.verifier == nil {
		return verify.ErrUntrusted
	}
	if err := CheckName(name); err != nil {
		return err
	}
	err := installIn(ctx, t, root, name, o, fetch)
	switch {
	case err == nil, errors.As(err, new(*NameError)), errors.As(err, new(*DownloadError)),
		errors.As(err, new(*verify.CopyError)), isWrong(err),
		ctx.Err() != nil:
		return err
	}
	return &verify.CopyError{Path: t.Path, Writing: true, Err: fmt.Errorf("%s: %w", root.Name(), err)}
}

func installIn(
	ctx context.Context, t Target, root *os.Root, name string, o InstallOptions, fetch func(Partial) error,
) error {
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
	if err := fetch(p.file); err != nil {
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
	// Somebody else could change a shared file after it was verified.
	return !shared(info) && verifyFile(dir, name, info, t), nil
}
