package metadata

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
)

// Key is a public key as a file lists it (spec sections 4.2.2 and 4.3). Its
// type may be unknown to this package. Such a key is legal, and verifies
// nothing unless a caller adds its scheme (R-4.2.2.6).
type Key struct {
	// ID is the name under which the file lists the key. It is opaque (TAP 12),
	// and has no meaning in another file.
	ID string
	// Type and Scheme are the members "keytype" and "scheme".
	Type, Scheme string
	// Public is the member "public" of "keyval". It is empty if that is not a
	// string.
	Public string

	text string
}

func findKey(x *index, id string) (Key, bool) {
	r, ok := x.find(id)
	if !ok {
		return Key{}, false
	}
	return r.key(id), true
}

func allKeys(x *index) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for i := range x.at {
			id, r := x.name(i)
			if !yield(r.key(id)) {
				return
			}
		}
	}
}

// keys reads an object of keys by their IDs.
func (r *reader) keys() index {
	return r.indexed(func() { r.key("") })
}

func (r *reader) key(id string) Key {
	at := r.pos
	k := Key{ID: id}
	keyType, scheme, value := false, false, false
	m := r.object()
	for m.next() {
		switch m.name {
		case "keytype":
			keyType, k.Type = true, r.str()
		case "scheme":
			scheme, k.Scheme = true, r.str()
		case "keyval":
			value, k.Public = true, r.public()
		}
	}
	r.missing(at, "keytype", keyType)
	r.missing(at, "scheme", scheme)
	r.missing(at, "keyval", value)
	k.text = r.text[at:r.pos]
	return k
}

// public reads "keyval", whose other members depend on the key type.
func (r *reader) public() (public string) {
	m := r.object()
	for m.next() {
		if m.name == "public" && r.text[r.pos] == '"' {
			public = r.str()
		}
	}
	return public
}

// JSON returns the whole key as JSON, for schemes that this package does not
// know. The caller owns the bytes.
func (k Key) JSON() []byte { return standardJSON(k.text) }

// ContentID returns the ID that the key has according to section 4.3 of the
// specification: the sha256 of its canonical form, in lower-case hexadecimal.
// Deployed repositories use other IDs (R-4.3.K1).
func (k Key) ContentID() string {
	sum := sha256.Sum256([]byte(k.text))
	return hex.EncodeToString(sum[:])
}

// ErrKey is returned (wrapped) when a key is unusable.
var ErrKey = errors.New("unusable key")

// KeyError is the error for an unusable key. It wraps ErrKey.
type KeyError struct {
	// ID is the ID of the key.
	ID string
	// Reason says what is wrong with the key.
	Reason string
}

func (e *KeyError) Error() string { return fmt.Sprintf("%v %q: %s", ErrKey, shorten(e.ID), e.Reason) }
func (e *KeyError) Unwrap() error { return ErrKey }
