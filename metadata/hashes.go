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

// Hashes are the digests that one file lists for another. The zero value means
// that there is no list, which is different from an empty list.
type Hashes struct{ text string }

// Listed reports whether there is a list of hashes. The list may be empty.
func (h Hashes) Listed() bool { return h.text != "" }

// All yields the names of the algorithms and the digests as they are written.
// The order is sha512, sha256, then the others by name.
func (h Hashes) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		// the strongest first, in every file
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

// pairs yields the names and digests in the order of the names.
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

// ErrHash is returned (wrapped) when a file does not have its listed hashes.
var ErrHash = errors.New("hash mismatch")

// HashError is the error for a file without its listed hashes. It wraps
// ErrHash.
type HashError struct {
	// Algorithm is the algorithm of the digest that differs. It is empty if
	// none of the listed algorithms is supported, and then Want is the list of
	// their names.
	Algorithm string
	// Want is the listed digest and Got the digest of the file, in hexadecimal.
	Want, Got string
}

func (e *HashError) Error() string {
	if e.Algorithm == "" {
		return fmt.Sprintf("%v: no supported algorithm among %s", ErrHash, Printable(e.Want))
	}
	return fmt.Sprintf("%v: want %s %s, found %s",
		ErrHash, Printable(e.Algorithm), Printable(e.Want), e.Got)
}

func (e *HashError) Unwrap() error { return ErrHash }

// Checker compares a stream of bytes with listed digests. It is an io.Writer,
// and uses constant memory. It is not safe for concurrent use.
type Checker struct {
	hashes []listedHash
	w      io.Writer
}

type listedHash struct {
	name, want string
	hash.Hash
}

// NewChecker returns a Checker for all listed hashes that are supported. These
// are sha256, sha512 and the algorithms in more, which may be nil. An algorithm
// in more cannot replace the two. If no listed hash is supported, the error is
// a *HashError.
func (h Hashes) NewChecker(more map[string]func() hash.Hash) (*Checker, error) {
	c := new(Checker)
	var names []string
	var writers []io.Writer
	for name, want := range h.All() {
		if len(names) < 8 {
			names = append(names, shorten(name))
		}
		if newHash := algorithm(name, more); newHash != nil {
			l := listedHash{name, want, newHash()}
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

// Write adds bytes to the stream. It never returns an error.
func (c *Checker) Write(p []byte) (int, error) { return c.w.Write(p) }

// Check compares the digests of the written bytes with the listed ones. All
// must be equal. Errors are *HashError.
func (c *Checker) Check() error {
	for _, l := range c.hashes {
		got := hex.EncodeToString(l.Sum(nil))
		if !strings.EqualFold(got, l.want) { // either case
			return &HashError{l.name, l.want, got}
		}
	}
	return nil
}
