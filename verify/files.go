package verify

import (
	"bytes"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// parse reads a file in the envelope format that the caller chose.
func parse[T metadata.Content](s *Session, data []byte) (*metadata.Envelope[T], error) {
	return metadata.Parse[T](data, metadata.Options{
		EnvelopeFormat: s.options.EnvelopeFormat, MaxDepth: s.limits.MaxDepth, MaxSignatures: s.limits.MaxSignatures,
	})
}

// own returns the bytes of a file for the session to keep: those that its
// envelope has, so that a large file is copied once, or a copy of the body.
func own(file interface{ File() []byte }, body []byte) []byte {
	if b := file.File(); b != nil {
		return b
	}
	return bytes.Clone(body)
}

// unverifiedVersion returns the version in a file that nobody needs to have
// signed; 0 if it cannot be read.
func unverifiedVersion[T metadata.Content](s *Session, data []byte) int64 {
	envelope, err := parse[T](s, data)
	if err != nil {
		return 0
	}
	content, err := envelope.Unverified()
	if err != nil {
		return 0
	}
	switch c := any(content).(type) {
	case *metadata.Root:
		return c.Version
	case *metadata.Timestamp:
		return c.Version
	case *metadata.Snapshot:
		return c.Version
	}
	return 0
}

// initialRoot verifies a root by its own keys.
func (s *Session) initialRoot(data []byte) (root roles.Trusted[metadata.Root], err error) {
	envelope, err := parse[metadata.Root](s, data)
	if err != nil {
		return root, err
	}
	return roles.VerifyInitialRoot(envelope, s.policy)
}

// address completes the request for a file that another one lists.
func (s *Session) address(t *task) error {
	if t.listed.Length > t.MaxBytes { // a signed length never raises our own limit
		return &LimitError{t.Role, "bytes", t.MaxBytes, t.listed.Length}
	}
	if t.listed.Length >= 0 {
		t.MaxBytes = t.listed.Length
	}
	t.Version = t.listed.Version
	t.Path = s.fileName(t.Role, t.Version)
	return nil
}

// fileName is the wire's name of a file that is not root or timestamp.
//
// the final root decides on versions in names.
func (s *Session) fileName(role string, version int64) string {
	if !s.trusted.root.Content().ConsistentSnapshot {
		version = 0
	}
	return metadata.FileName(role, version)
}
