package metadata

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"strings"
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

// maxPEM is the maximum size of a PEM block in bytes. All supported keys are
// smaller.
const maxPEM = 4096

// Limits for the size of an RSA modulus in bits (R-4.2.2.2).
const minRSABits, maxRSABits = 2048, 8192

// PublicKey decodes the key. The result is an ed25519.PublicKey, an
// *ecdsa.PublicKey or an *rsa.PublicKey, whose type, curve and size fit the
// scheme. Errors are *KeyError.
//
// These schemes are supported:
//
//   - ed25519: the key is 64 hexadecimal digits.
//   - ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 and ecdsa-sha2-nistp521: the key
//     is PEM, or an uncompressed point in hexadecimal. The key type is ecdsa or
//     the name of the scheme.
//   - rsassa-pss-sha256: the key is PEM and has 2048 to 8192 bits.
func (k Key) PublicKey() (crypto.PublicKey, error) {
	var key crypto.PublicKey
	var reason string
	// R-4.2.2.1: these schemes and no others
	switch {
	case k.Type == "ed25519" && k.Scheme == "ed25519":
		key, reason = k.ed25519()
	case curve(k.Scheme) != nil && (k.Type == "ecdsa" || k.Type == k.Scheme): // R-4.2.2.4
		key, reason = k.ecdsa(curve(k.Scheme))
	case k.Type == "rsa" && k.Scheme == "rsassa-pss-sha256":
		key, reason = k.rsa()
	default: // R-4.2.2.5, R-4.2.2.6
		reason = fmt.Sprintf("key type %q with scheme %q is not supported",
			shorten(k.Type), shorten(k.Scheme))
	}
	if reason != "" {
		return nil, &KeyError{k.ID, reason}
	}
	return key, nil
}

func curve(scheme string) elliptic.Curve {
	switch scheme {
	case "ecdsa-sha2-nistp256":
		return elliptic.P256()
	case "ecdsa-sha2-nistp384":
		return elliptic.P384()
	case "ecdsa-sha2-nistp521":
		return elliptic.P521()
	}
	return nil
}

// ed25519 decodes an ed25519 key.
//
// R-4.2.2.3: 64 hexadecimal digits.
func (k Key) ed25519() (ed25519.PublicKey, string) {
	b, err := hex.DecodeString(k.Public)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Sprintf("want 64 hexadecimal digits for an ed25519 key, found %d characters", len(k.Public))
	}
	return b, ""
}

// ecdsa decodes an ECDSA key. R-4.2.2.4: its curve is that of the scheme.
func (k Key) ecdsa(c elliptic.Curve) (*ecdsa.PublicKey, string) {
	if point, err := hex.DecodeString(k.Public); err == nil {
		key, err := ecdsa.ParseUncompressedPublicKey(c, point)
		if err != nil {
			return nil, "not an uncompressed point on " + c.Params().Name
		}
		return key, ""
	}
	parsed, reason := k.spki()
	key, ok := parsed.(*ecdsa.PublicKey)
	if reason == "" && (!ok || key.Curve != c) {
		reason = "not a key on " + c.Params().Name
	}
	return key, reason
}

func (k Key) rsa() (*rsa.PublicKey, string) {
	parsed, reason := k.spki()
	key, ok := parsed.(*rsa.PublicKey)
	switch {
	case reason != "":
	case !ok:
		reason = "not an RSA key"
	// R-4.2.2.2
	case key.N.BitLen() < minRSABits || key.N.BitLen() > maxRSABits:
		reason = fmt.Sprintf("an RSA key of %d bits, want %d to %d",
			key.N.BitLen(), minRSABits, maxRSABits)
	case key.E < 3 || key.E%2 == 0:
		reason = fmt.Sprintf("an RSA key with the exponent %d", key.E)
	}
	return key, reason
}

// spki decodes a SubjectPublicKeyInfo in PEM. Only white space is allowed
// around it.
// R-4.2.2.4: the key is PEM.
func (k Key) spki() (crypto.PublicKey, string) {
	const header = "-----BEGIN PUBLIC KEY-----"
	text := strings.TrimSpace(k.Public)
	if !strings.HasPrefix(text, header) || len(text) > maxPEM {
		return nil, "not one PEM block of the type PUBLIC KEY"
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(rest) > 0 || len(block.Headers) > 0 {
		return nil, "not one PEM block of the type PUBLIC KEY"
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, "not a public key: " + err.Error()
	}
	return key, ""
}
