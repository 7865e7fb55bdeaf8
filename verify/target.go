package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Target is a file that may be downloaded and, once it has been verified, used.
// It does not change and does not depend on the session. It may be copied. The
// zero Target accepts nothing.
type Target struct {
	// Path is the target path, as it was looked up.
	Path string
	// Role is the role that lists it.
	Role string
	// Length is its exact length in bytes.
	Length int64
	// Hashes are its digests.
	Hashes metadata.Hashes
	// Expires is the earliest expiry of the files that the answer depends on:
	// root, timestamp, snapshot and every role that the lookup visited. From
	// then on the answer is out of date.
	Expires time.Time

	info       metadata.TargetFile
	consistent bool
	policy     roles.Policy
}

// Custom returns the role's extra data for the target: a JSON object that is
// signed, but that this package does not interpret. It reports false if there
// is none. The bytes are the caller's.
func (t *Target) Custom() ([]byte, bool) { return t.info.Custom() }

// MarshalJSON returns the target as JSON, for a program that saves a checked
// answer. TrustSavedTarget reads it again. There is no UnmarshalJSON on
// purpose: JSON from a network would make a Target that accepts bytes.
func (t Target) MarshalJSON() ([]byte, error) {
	if !t.info.Hashes.Listed() {
		return nil, roles.ErrUntrusted
	}
	return metadata.SavedTarget{
		Path: t.Path, Role: t.Role, Expires: t.Expires, ConsistentSnapshot: t.consistent, File: t.info,
	}.JSON(), nil
}

// TrustSavedTarget returns the target that Target.MarshalJSON has saved. It
// verifies no signature: anyone who can write to the place where the target is
// saved decides which bytes it accepts. The policy is that of the session.
//
// The caller must see to Target.Expires, as with any target. Errors wrap
// ErrSyntax.
func TrustSavedTarget(saved []byte, p roles.Policy) (*Target, error) {
	s, err := metadata.ParseSavedTarget(saved)
	if err != nil {
		return nil, fmt.Errorf("saved target: %w", err)
	}
	return newTarget(s, p), nil
}

func newTarget(s metadata.SavedTarget, p roles.Policy) *Target {
	return &Target{
		Path: s.Path, Role: s.Role, Length: s.File.Length, Hashes: s.File.Hashes, Expires: s.Expires,
		info: s.File, consistent: s.ConsistentSnapshot, policy: p,
	}
}

// ErrPath is returned (wrapped) for a target path that cannot be made a safe
// URL path.
var ErrPath = errors.New("unsafe target path")

func unsafePath(path, reason string) error { return fmt.Errorf("%w: %q %s", ErrPath, path, reason) }

// URLPaths returns where a mirror has the file: paths relative to the base URL
// for targets, percent-encoded, to be appended as they are and tried in turn.
// With consistent snapshots the name begins with one of the file's digests
// the strongest first. Without, there is one path. Errors
// wrap ErrPath.
func (t *Target) URLPaths() ([]string, error) {
	plain, err := t.PlainURLPath()
	switch {
	case err != nil:
		return nil, err
	case !t.consistent:
		return []string{plain}, nil
	}
	slash := strings.LastIndexByte(t.Path, '/') + 1
	var paths []string
	for _, digest := range t.Hashes.All() { // we build the prefix
		if len(paths) == maxURLPaths {
			break
		}
		name := metadata.Escape(digest) + "." + metadata.Escape(t.Path[slash:])
		paths = append(paths, escapePath(t.Path[:slash])+name)
	}
	return paths, nil
}

// PlainURLPath returns the path without a digest in the name. It is for hosts
// that use such names although the repository has consistent snapshots, as PyPI
// does for distribution files. Errors wrap ErrPath.
func (t *Target) PlainURLPath() (string, error) {
	if err := checkPath(t.Path); err != nil {
		return "", err
	}
	return escapePath(t.Path), nil
}

// maxURLPaths bounds how many paths a role can make a client try.
const maxURLPaths = 8

// checkPath refuses paths that a URL or a file system reads in another way than
// TUF does.
//
// callers that want such a path use Target.Path.
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

// Check returns nil only if data is the whole file, with the right length and
// hashes. Errors are those of Verifier.Verify.
func (t *Target) Check(data []byte) error {
	return t.Copy(io.Discard, bytes.NewReader(data))
}

// Copy copies the file from src to dst. It returns nil only if the whole file
// has the right length and hashes. It writes the last bytes only when the
// hashes match. Until Copy returns nil, dst holds unverified data, which must
// not be used. It reads src to its end.
//
// The error says whose fault it is. It is a *CopyError if src could not be read
// or dst not be written, and that of Verifier.Verify if the bytes are wrong.
func (t *Target) Copy(dst io.Writer, src io.Reader) error {
	return CopyVerified(t.Path, dst, src, t.Verifier())
}

// CopyError says that a target could not be copied because of its source or
// its destination. The bytes that were read are not at fault.
type CopyError struct {
	Path string
	// Writing says that the destination failed; otherwise the source did.
	Writing bool
	Err     error
}

func (e *CopyError) Error() string {
	if e.Writing {
		return fmt.Sprintf("%s could not be written: %v", metadata.Printable(e.Path), e.Err)
	}
	return fmt.Sprintf("%s could not be read from its source: %v", metadata.Printable(e.Path), e.Err)
}

func (e *CopyError) Unwrap() error { return e.Err }

// CopyVerified is Copy with another verifier, such as one that has seen the
// beginning of the file already, or that of package multirepo. The path is for
// errors.
func CopyVerified(path string, dst io.Writer, src io.Reader, v interface {
	io.Writer
	Verify() error
}) error {
	in := reading{path, src}
	out := io.MultiWriter(v, writing{path, dst}) // what v refuses does not reach dst
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return v.Verify()
}

// reading and writing say whose fault an error is.
type reading struct {
	path string
	io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &CopyError{r.path, false, err}
	}
	return n, err
}

type writing struct {
	path string
	io.Writer
}

func (w writing) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		err = &CopyError{w.path, true, err}
	}
	return n, err
}

// Verifier checks a target's bytes as they come. The memory that it uses does
// not depend on their number. It is an io.Writer for one download: after an
// error, or to start again, make another. The zero Verifier accepts nothing.
type Verifier struct {
	file    string
	length  int64
	written int64
	checker *metadata.Checker
	err     error
}

// Verifier returns a new Verifier for the target.
func (t *Target) Verifier() *Verifier {
	// a copy at hand is checked like a download.
	v := &Verifier{file: t.Path, length: t.Length}
	checker, err := t.Hashes.NewChecker(t.policy.Hashes)
	if err != nil {
		v.err = &roles.HashError{File: t.Path, Err: err}
		return v
	}
	v.checker = checker
	return v
}

// Write accepts the next bytes. It fails at the first byte too many and, with
// the last byte, if a hash does not match. After a failure every
// later call fails too. Success does not mean that the bytes are right: only
// Verify says that.
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

// Written returns how many bytes have been accepted.
func (v *Verifier) Written() int64 { return v.written }

// Verify returns nil if the bytes written are the whole file, with the right
// length and hashes. Only then may they be used. Errors are *LengthError,
// *HashError and, for the zero Verifier, ErrUntrusted.
// the length is exact, and all hashes match.
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
