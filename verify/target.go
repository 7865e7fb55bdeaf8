package verify

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Target is a file that may be downloaded and, once it has been checked, used.
// It is immutable and independent of the session; copies are fine. The zero
// Target accepts nothing.
type Target struct {
	// Path is the target path, as it was looked up.
	Path string
	// Role is the role that lists it.
	Role string
	// Length is its exact length in bytes.
	Length int64
	// Hashes are its digests.
	Hashes metadata.Hashes
	// Expires is when the first of the files that vouch for it expires: root,
	// timestamp, snapshot and every role that was asked. From then on this
	// answer is stale.
	Expires time.Time

	info       metadata.TargetFile
	consistent bool
	policy     roles.Policy
}

// Custom returns the role's extra data for the target as JSON, a verified but
// uninterpreted object. The bytes are the caller's.
func (t *Target) Custom() ([]byte, bool) { return t.info.Custom() }

// ErrPath is returned (wrapped) for a target path that makes no safe URL.
var ErrPath = errors.New("unsafe target path")

func unsafePath(path, reason string) error { return fmt.Errorf("%w: %q %s", ErrPath, path, reason) }

// URLPaths returns where a mirror keeps the file: relative to the base URL for
// targets and percent-encoded, to be appended as they are, and to be tried in
// turn. With consistent snapshots the file's digests are prefixed to its name
// the strongest first; without, there is one path. Errors
// wrap ErrPath.
func (t *Target) URLPaths() ([]string, error) {
	if !t.consistent {
		path, err := t.PlainURLPath()
		return []string{path}, err
	}
	if err := checkPath(t.Path); err != nil {
		return nil, err
	}
	slash := strings.LastIndexByte(t.Path, '/') + 1
	var paths []string
	for _, digest := range t.Hashes.All() { // the prefix is ours to build
		if len(paths) == maxURLPaths {
			break
		}
		paths = append(paths, escapePath(t.Path[:slash])+metadata.Escape(digest)+"."+metadata.Escape(t.Path[slash:]))
	}
	return paths, nil
}

// PlainURLPath returns the path without a digest in the name, for hosts that
// keep the file so although the repository has consistent snapshots, as PyPI
// does with distribution files. Errors wrap ErrPath.
func (t *Target) PlainURLPath() (string, error) {
	if err := checkPath(t.Path); err != nil {
		return "", err
	}
	return escapePath(t.Path), nil
}

// maxURLPaths bounds the places that a role can have a client try.
const maxURLPaths = 8

// checkPath refuses paths that mean something else to a URL or a file system
// than to TUF.
//
// whoever wants them has Target.Path.
func checkPath(path string) error {
	switch {
	case path == "":
		return unsafePath(path, "is empty")
	case path[0] == '/':
		return unsafePath(path, "begins with a slash")
	case strings.Contains(path, `\`):
		return unsafePath(path, "has a backslash")
	}
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return unsafePath(path, "has a segment of dots")
		}
	}
	for i := range len(path) {
		if path[i] < 0x20 || path[i] == 0x7F {
			return unsafePath(path, "has a control character")
		}
	}
	return nil
}

func escapePath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = metadata.Escape(s)
	}
	return strings.Join(segments, "/")
}

// Copy copies the file from src to dst and returns nil only if it is whole and
// right. The last bytes are written only when the hashes match; before that dst
// holds unverified data, which must not be used. It reads src to its end.
// Errors are those of Verdict, and what dst and src return.
func (t *Target) Copy(dst io.Writer, src io.Reader) error {
	v := t.Verifier() // dst gets only what it lets through
	if _, err := io.Copy(io.MultiWriter(v, dst), src); err != nil {
		return err
	}
	return v.Verify()
}

// Verifier checks a target's bytes as they come, in memory that does not depend
// on their number. It is an io.Writer, and is for one download: after an error,
// or to begin again, make another. The zero Verifier accepts nothing.
type Verifier struct {
	file    string
	length  int64
	written int64
	checker *metadata.Checker
	err     error
}

// Verifier begins a check.
func (t *Target) Verifier() *Verifier {
	v := &Verifier{file: t.Path, length: t.Length}
	checker, err := t.Hashes.NewChecker(t.policy.Hashes)
	if err != nil {
		v.err = &roles.HashError{File: t.Path, Err: err}
		return v
	}
	v.checker = checker
	return v
}

// Write takes the next bytes. It fails at the first byte too many and, with the
// last byte, if a hash does not match; from then on it fails for
// ever. Success says nothing yet about the bytes: Verdict does.
func (v *Verifier) Write(p []byte) (int, error) {
	switch {
	case v.checker == nil && v.err == nil:
		v.err = roles.ErrUntrusted
	case v.err == nil && int64(len(p)) > v.length-v.written:
		v.err = &roles.LengthError{File: v.file, Want: v.length, Got: v.written + int64(len(p))}
	}
	if v.err != nil {
		return 0, v.err
	}
	_, _ = v.checker.Write(p) // never fails
	v.written += int64(len(p))
	if v.written == v.length && len(p) > 0 {
		if v.err = v.check(); v.err != nil {
			return 0, v.err
		}
	}
	return len(p), nil
}

func (v *Verifier) check() error {
	if err := v.checker.Check(); err != nil {
		return &roles.HashError{File: v.file, Err: err}
	}
	return nil
}

// Written returns how many bytes have been taken.
func (v *Verifier) Written() int64 { return v.written }

// Verdict returns nil if the bytes written are the whole file and the right
// one. Only then may they be used. Errors are *roles.LengthError and
// *roles.HashError.
func (v *Verifier) Verify() error {
	switch {
	case v.err != nil:
		return v.err
	case v.checker == nil:
		return roles.ErrUntrusted
	case v.written != v.length:
		return &roles.LengthError{File: v.file, Want: v.length, Got: v.written}
	}
	return v.check()
}
