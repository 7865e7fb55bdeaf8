package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// File is a target that a client has found: a file that may be downloaded. It
// does not change, and is safe for many goroutines.
type File struct {
	client *Client
	path   string
	found  result
}

// Find looks for a target path, and brings the client up to date first if its
// view is older than Config.MaxAge or has expired. If the update fails, the
// last good view answers until it expires. If a file that the repository lists
// is gone or another one now, Find updates once and asks again.
//
// The error is a *verify.NoTargetError (wrapped) if there is no such target.
// Only if it is Certain may a program look elsewhere. verify.KindOf sorts all
// errors.
func (c *Client) Find(ctx context.Context, path string) (*File, error) {
	r := c.find(ctx, path)
	c.observe(Searched{path, r.trail, r.entries, r.err})
	if r.err != nil {
		return nil, r.err
	}
	return &File{client: c, path: path, found: r}, nil
}

// Path returns the target path.
func (f *File) Path() string { return f.path }

// Length returns the exact length in bytes.
func (f *File) Length() int64 {
	if f.found.agreed != nil {
		return f.found.agreed.Length
	}
	return f.found.target.Length
}

// Expires returns when the answer expires that the file rests on. After that,
// it is to be found again.
func (f *File) Expires() time.Time { return f.found.expires() }

// Target returns the target of a client of one repository; otherwise nil. It
// is the caller's to read, not to change.
func (f *File) Target() *verify.Target { return f.found.target }

// Agreed returns the target of a client of several repositories; otherwise nil.
// It is the caller's to read, not to change.
func (f *File) Agreed() *multirepo.Target { return f.found.agreed }

// Same says whether two files are the same by what the repositories list: they
// have the same length and the same digests.
func (f *File) Same(other *File) bool {
	return f.Length() == other.Length() && slices.Equal(f.hashes(), other.hashes())
}

func (f *File) hashes() (list []multirepo.Hash) {
	if f.found.agreed != nil {
		return f.found.agreed.Hashes
	}
	for algorithm, digest := range f.found.target.Hashes.All() {
		list = append(list, multirepo.Hash{Algorithm: algorithm, Digest: digest})
	}
	return list
}

// Download downloads the file into dst, which is open for reading and writing,
// such as an *os.File. It resumes: see Mirrors.Download. When it returns nil,
// dst holds the verified file and nothing else; otherwise bytes that must not
// be used.
//
// If the answer has expired, or if a mirror lacks the file or has other bytes,
// as after a new publication, it updates once and finds the path again: what it
// downloads is what the repository lists then. To download exactly what was
// found, use Target and Mirrors.
//
// The error says whose fault it is: a *verify.CopyError is about dst, a
// *DownloadError about the mirrors.
func (f *File) Download(ctx context.Context, dst Partial) error {
	return f.fetch(ctx, func(m *Mirrors, t Target) error {
		return m.Download(ctx, t, dst, DownloadOptions{Progress: f.client.progress, Failed: f.client.mirrorFailed})
	})
}

// Open downloads the file into a temporary file and returns that for reading:
// every byte of it is verified. Close removes it. Errors are those of Download;
// one of the temporary file is an *fs.PathError.
func (f *File) Open(ctx context.Context) (io.ReadCloser, error) {
	file, err := os.CreateTemp("", "tufwalk-*")
	if err != nil {
		return nil, err
	}
	temp := &temporary{file}
	if err = f.Download(ctx, file); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = temp.Close()
		return nil, err
	}
	return temp, nil
}

// Install downloads the file and puts it in place under a name, such as
// /opt/app/app.tar.gz, in a directory that exists: verified, atomically and
// durably, in place of an older one. It resumes. See Mirrors.Install, also for
// what the directory must be like, and Download for what is fetched.
func (f *File) Install(ctx context.Context, name string) error {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return &verify.CopyError{Path: f.path, Writing: true, Err: err}
	}
	defer root.Close()
	return f.InstallIn(ctx, root, filepath.Base(name), InstallOptions{})
}

// InstallIn is Install below a root, under a name that may have slashes.
// What InstallOptions has no function for, Progress and Failed, is told to
// Config.Observe.
func (f *File) InstallIn(ctx context.Context, root *os.Root, name string, o InstallOptions) error {
	if o.Progress == nil {
		o.Progress = f.client.progress
	}
	if o.Failed == nil {
		o.Failed = f.client.mirrorFailed
	}
	return f.fetch(ctx, func(m *Mirrors, t Target) error { return m.Install(ctx, t, root, name, o) })
}

// temporary is a file that is removed when it is closed.
type temporary struct{ *os.File }

func (t *temporary) Close() error { return errors.Join(t.File.Close(), os.Remove(t.Name())) }

func (c *Client) progress(p Progress)         { c.observe(p) }
func (c *Client) mirrorFailed(m MirrorFailed) { c.observe(m) }

// fetch gets the file from the mirrors of a repository that lists it. If that
// may help, it updates once and gets what is listed then.
func (f *File) fetch(ctx context.Context, get func(*Mirrors, Target) error) error {
	if f.client.config.Offline {
		return fmt.Errorf("%s: %w", metadata.Printable(f.path), ErrOffline)
	}
	now := f
	if f.client.old(f.found) {
		var err error
		if now, err = f.client.Find(ctx, f.path); err != nil {
			return err
		}
	}
	err := now.fetchListed(get)
	download := new(DownloadError)
	if !errors.As(err, &download) || !download.Replaced() || now != f {
		return err
	}
	if _, updateErr := f.client.update(ctx); updateErr != nil {
		return errors.Join(err, updateErr)
	}
	now, findErr := f.client.Find(ctx, f.path)
	switch {
	case findErr != nil:
		return errors.Join(err, findErr)
	case now.Same(f):
		return err
	}
	return now.fetchListed(get)
}

// fetchListed gets the file that was found.
func (f *File) fetchListed(get func(*Mirrors, Target) error) error {
	if f.found.agreed == nil {
		t, err := TargetOf(f.found.target)
		if err != nil {
			return err
		}
		return get(f.client.mirrors(""), t)
	}
	var errs []error
	for _, a := range f.found.agreed.Attestations {
		t, err := AttestedTargetOf(f.found.agreed, a.Repository)
		if err == nil {
			err = get(f.client.mirrors(a.Repository), t)
		}
		if err == nil || !errors.As(err, new(*DownloadError)) { // otherwise it is no mirror's fault
			return err
		}
		errs = append(errs, &multirepo.RepositoryError{Repository: a.Repository, Err: err})
	}
	return errors.Join(errs...)
}

// mirrors are those of targets. A repository without any has no mirror that
// could answer.
func (c *Client) mirrors(repository string) *Mirrors {
	if m := c.repositories[repository].mirrors; m != nil {
		return m
	}
	return new(Mirrors)
}
