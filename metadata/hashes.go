package metadata

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strings"
)

// Hashes are the digests that a file lists for another one. The zero value says
// that none are listed, which is not the same as an empty list.
type Hashes struct{ text string }

// Listed says whether there is a list of hashes at all, if only an empty one.
func (h Hashes) Listed() bool { return h.text != "" }

// All yields the algorithms and digests as they are written, in a fixed order:
// sha512, sha256, then the others by name.
func (h Hashes) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range []string{"sha512", "sha256"} {
			if digest, ok := h.digest(name); ok && !yield(name, digest) {
				return
			}
		}
		for name, digest := range h.pairs() {
			if name != "sha512" && name != "sha256" && !yield(name, digest) {
				return
			}
		}
	}
}

func (h Hashes) pairs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if h.text == "" {
			return
		}
		r := &reader{text: h.text}
		m := r.object()
		for m.next() {
			if !yield(m.name, r.str()) {
				return
			}
		}
	}
}

func (h Hashes) digest(name string) (string, bool) {
	for n, digest := range h.pairs() {
		if n == name {
			return digest, true
		}
	}
	return "", false
}

func (r *reader) hashes() Hashes {
	at := r.pos
	m := r.object()
	for m.next() {
		r.str()
	}
	if r.err != nil {
		return Hashes{}
	}
	return Hashes{r.text[at:r.pos]}
}

// ErrHash is what errors about hashes wrap.
var ErrHash = errors.New("hash mismatch")

// HashError says which digest a file should have had.
// Algorithm is empty if none of the listed algorithms is supported.
type HashError struct{ Algorithm, Want, Got string }

func (e *HashError) Error() string {
	if e.Algorithm == "" {
		return fmt.Sprintf("%v: no supported algorithm among %s", ErrHash, Printable(e.Want))
	}
	return fmt.Sprintf("%v: want %s %s, found %s", ErrHash, Printable(e.Algorithm), Printable(e.Want), e.Got)
}

func (e *HashError) Unwrap() error { return ErrHash }

// Checker computes the supported ones of the listed digests over a stream. It
// uses constant memory.
type Checker struct {
	hashes []listed
	w      io.Writer
}

type listed struct {
	name, want string
	hash.Hash
}

// NewChecker starts a check of all listed hashes that are supported: sha256,
// sha512 and those in more, which may be nil and cannot replace the two. If
// there are none, the error is a *HashError.
func (h Hashes) NewChecker(more map[string]func() hash.Hash) (*Checker, error) {
	c := new(Checker)
	var names []string
	var writers []io.Writer
	for name, want := range h.All() {
		if len(names) < 8 {
			names = append(names, shorten(name))
		}
		if make := algorithm(name, more); make != nil {
			l := listed{name, want, make()}
			c.hashes = append(c.hashes, l)
			writers = append(writers, l)
		}
	}
	if len(c.hashes) == 0 {
		return nil, &HashError{Want: fmt.Sprintf("%q", names)}
	}
	c.w = io.MultiWriter(writers...)
	return c, nil
}

func algorithm(name string, more map[string]func() hash.Hash) func() hash.Hash {
	switch name {
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return more[name]
}

// Write never fails.
func (c *Checker) Write(p []byte) (int, error) { return c.w.Write(p) }

// Check compares the digests of what has been written: all must match
// . Errors are *HashError.
func (c *Checker) Check() error {
	for _, l := range c.hashes {
		got := hex.EncodeToString(l.Sum(nil))
		if !strings.EqualFold(got, l.want) { // either case
			return &HashError{l.name, l.want, got}
		}
	}
	return nil
}
