package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Verifier is what checks the bytes of a target: verify.Verifier, or that of
// package multirepo.
type Verifier interface {
	io.Writer
	Verify() error
	Written() int64
}

// Target is a file to download, with the places where the mirrors of one
// repository have it. It is made by TargetOf or AttestedTargetOf, does not
// change, and may be copied. The zero Target cannot be downloaded.
type Target struct {
	// Path is the target path, as it was looked up.
	Path string
	// Length is the exact length in bytes.
	Length int64

	urlPaths []string
	digests  string
	verifier func() Verifier
}

// TargetOf returns a target for the mirrors of its repository. Errors wrap
// verify.ErrPath.
func TargetOf(t *verify.Target) (Target, error) {
	paths, err := t.URLPaths()
	if err != nil {
		return Target{}, err
	}
	var digests strings.Builder
	for name, digest := range t.Hashes.All() {
		fmt.Fprintln(&digests, name, digest)
	}
	return Target{t.Path, t.Length, paths, digests.String(), func() Verifier { return t.Verifier() }}, nil
}

// AttestedTargetOf returns a target that several repositories agree on, for the
// mirrors of one of them. Errors wrap verify.ErrPath, or verify.ErrUntrusted if
// the repository is not one of those in agreement.
func AttestedTargetOf(t *multirepo.Target, repository string) (Target, error) {
	for _, a := range t.Attestations {
		if a.Repository != repository {
			continue
		}
		paths, err := a.URLPaths()
		if err != nil {
			return Target{}, err
		}
		var digests strings.Builder
		for _, h := range t.Hashes {
			fmt.Fprintln(&digests, h.Algorithm, h.Digest)
		}
		return Target{t.Path, t.Length, paths, digests.String(), func() Verifier { return t.Verifier() }}, nil
	}
	return Target{}, fmt.Errorf("%w: repository %q does not attest %s",
		verify.ErrUntrusted, repository, metadata.Printable(t.Path))
}

// Partial is what a target is downloaded into, such as an *os.File that is open
// for reading and writing.
type Partial interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
}

// DownloadOptions may be left zero.
type DownloadOptions struct {
	// Progress is called in the goroutine of the download, at each change. What
	// lies in dst already counts as done.
	Progress func(Progress)
	// Failed is called when a mirror did not have the right file, before the
	// next one is asked. Otherwise nobody would hear of a mirror that sends
	// wrong bytes, if another one has the right ones.
	Failed func(MirrorFailed)
}

// DownloadError says that no mirror had the right file. It holds a
// *verify.SourceError for each mirror. It wraps verify.ErrNotAtSource only if
// all of them say that the file does not exist.
type DownloadError struct {
	Path string
	Said []error
}

var errNoMirror = errors.New("there is no mirror for targets")

func (e *DownloadError) Error() string {
	texts := make([]string, len(e.Said))
	for i, err := range e.Said {
		texts[i] = err.Error()
	}
	if len(texts) == 0 {
		texts = []string{errNoMirror.Error()}
	}
	return fmt.Sprintf("%s could not be downloaded: %s", metadata.Printable(e.Path), strings.Join(texts, "; "))
}

func (e *DownloadError) Unwrap() (list []error) {
	for _, err := range e.Said {
		if !errors.Is(err, verify.ErrNotAtSource) {
			list = append(list, err)
		}
	}
	if len(list) == 0 { // they speak for all only together
		return e.Said
	}
	return list
}

// Kind is that of an error for which no source had the file: what the mirrors
// sent may make it another one.
func (e *DownloadError) Kind() verify.Kind { return verify.KindUnreachable }

// Replaced says that at least one mirror lacks the file or has other bytes, as
// if a newer one had been published since the lookup: an update may help.
func (e *DownloadError) Replaced() bool {
	for _, err := range e.Said {
		if errors.Is(err, verify.ErrNotAtSource) || isWrong(err) {
			return true
		}
	}
	return false
}

// isWrong says that bytes are not those of the target.
func isWrong(err error) bool {
	return errors.Is(err, verify.ErrLength) || errors.Is(err, verify.ErrHash)
}

// Download downloads a target from the first mirror that has the right bytes.
// What dst holds already is verified like what comes, and only the rest is
// asked for. If a mirror sends wrong bytes, dst is emptied. When Download
// returns nil, dst holds the verified file and nothing else. Otherwise it holds
// bytes that must not be used, but that another call may go on with.
//
// The error says whose fault it is. A *verify.CopyError is about dst, and no
// mirror is blamed. A *DownloadError has what each mirror said; verify.ErrHash
// and verify.ErrLength in it mean wrong bytes. If the context ends, it is the
// context's cause; for a target whose hashes are all of unknown algorithms,
// that of verify.Verifier, and nothing is asked for.
func (m *Mirrors) Download(ctx context.Context, t Target, dst Partial, o DownloadOptions) error {
	if t.verifier == nil {
		return verify.ErrUntrusted
	}
	if _, err := t.verifier().Write(nil); err != nil { // no bytes could satisfy it: no mirror's fault
		return err
	}
	d := &download{target: t, dst: dst, options: o}
	if err := d.resume(); err != nil {
		return err
	}
	if d.complete() {
		return nil
	}
	mirrors := m.inOrder(m.targets)
	failed := &DownloadError{Path: t.Path}
	for i, one := range mirrors {
		err := d.from(ctx, one)
		switch {
		case err == nil:
			return nil
		case errors.As(err, new(*verify.CopyError)):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", metadata.Printable(t.Path), context.Cause(ctx))
		}
		said := &verify.SourceError{Source: i + 1, Of: len(mirrors), Name: one.name, Err: err}
		failed.Said = append(failed.Said, said)
		if o.Failed != nil {
			o.Failed(MirrorFailed{t.Path, said})
		}
	}
	return failed
}
