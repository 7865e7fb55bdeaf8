package roles

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/mldsa"
	"filippo.io/mldsa/x509"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"

	"github.com/tufwalk/tufwalk/metadata"
)

// Scheme is a pair of a key type and a signature scheme, as keys name them.
type Scheme struct{ KeyType, Scheme string }

// SignatureVerifier verifies signatures of one key. The result must depend only
// on the key, the message and the signature, because a result may be used
// again. Verify must not change or retain the message.
type SignatureVerifier interface {
	Verify(message, signature []byte) error
}

// EntryVerifier is a SignatureVerifier for a scheme whose signatures are more
// than a text in the encoding of the envelope format: keyless signatures (TAP
// 18) have more members. VerifyEntry is asked in place of Verify. The entry is
// as it stands in the file, and nobody has signed it: its members, and the key
// ID too, may be from anyone. The result must depend only on the key, the
// message and the entry.
//
// Anyone can add entries to a file. For an entry that cannot be a signature by
// this scheme, VerifyEntry must return ErrNoSignature (wrapped) before it reads
// the message. All others count toward the limit of VerifyAnyKeyID.
type EntryVerifier interface {
	SignatureVerifier
	VerifyEntry(message []byte, sig metadata.Signature) error
}

// ErrNoSignature is what an EntryVerifier returns (wrapped) for an entry that
// it can refuse without reading the message.
var ErrNoSignature = errors.New("not a signature by this scheme")

// VerifierFunc returns the SignatureVerifier of a key, which may be an
// EntryVerifier. It must refuse a key of the wrong type or size.
//
// The material identifies the public key, and nothing else. Two spellings of
// one key must give the same material, whatever their key types and schemes.
// Otherwise one key could count twice toward a threshold. If the key has a DER
// form (SubjectPublicKeyInfo), the material must be that, as it is for the
// built-in schemes.
type VerifierFunc func(metadata.Key) (v SignatureVerifier, material []byte, err error)

// roleKey is a key of a role, under the ID that the delegator lists.
type roleKey struct {
	id       string
	scheme   Scheme
	material string
	key      string // the whole key, if the scheme is not built in, as its verifier may depend on it
	size     int    // of a signature in bytes; 0 if there are several sizes
	verifier SignatureVerifier
}

func newRoleKey(k metadata.Key, p *Policy) (roleKey, error) {
	if p.AllowedSchemes != nil && !slices.Contains(p.AllowedSchemes, k.Scheme) {
		reason := fmt.Sprintf("scheme %.32q is not allowed by the policy", k.Scheme)
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: reason}
	}
	if key, ok := p.decoded.find(k); ok {
		return key, nil
	}
	public, err := k.PublicKey()
	if err == nil {
		key, err := builtin(k, public)
		if err == nil {
			p.decoded.add(k, key)
		}
		return key, err
	}
	newVerifier := p.Schemes[Scheme{k.Type, k.Scheme}]
	if newVerifier == nil || isBuiltIn(k) {
		return roleKey{}, err
	}
	v, material, err := newVerifier(k)
	switch {
	case err != nil:
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: metadata.Printable(err.Error())}
	case v == nil || len(material) == 0: // all such keys would be one
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: "its scheme makes no verifier or no material of it"}
	}
	return roleKey{id: k.ID, scheme: schemeOf(k), material: string(material), key: string(k.JSON()), verifier: v}, nil
}

// Material returns what identifies a public key that roles can use under this
// policy, the same for all its spellings; for any other key a
// *metadata.KeyError.
func (p Policy) Material(k metadata.Key) (string, error) {
	key, err := newRoleKey(k, &p)
	return key.material, err
}

// schemeOf returns the scheme of a key. It retains no part of the file.
func schemeOf(k metadata.Key) Scheme { return Scheme{strings.Clone(k.Type), strings.Clone(k.Scheme)} }

// isBuiltIn reports whether the scheme of a key is built in. If such a key is
// unusable, no other verifier may accept it.
func isBuiltIn(k metadata.Key) bool {
	// R-4.2.2.5: these names cannot be given another meaning.
	switch k.Scheme {
	case "ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		"ml-dsa-44/1", "ml-dsa-65/1", "ml-dsa-87/1":
		return true
	}
	hash, _ := rsaScheme(k.Scheme)
	return hash != 0
}

// sslibVerifier is the interface of go-securesystemslib's verifiers.
type sslibVerifier interface {
	Verify(ctx context.Context, data, sig []byte) error
}

type libraryVerifier struct{ sslibVerifier }

func (v libraryVerifier) Verify(message, signature []byte) error {
	return v.sslibVerifier.Verify(context.Background(), message, signature)
}

// builtin returns a key with a built-in scheme, which package metadata has
// checked. It encodes an ed25519 key again for go-securesystemslib, because
// that panics on some other spellings.
func builtin(k metadata.Key, public crypto.PublicKey) (roleKey, error) {
	der, err := encode(public)
	if err != nil {
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: err.Error()}
	}
	// .K3: the DER form is the same for all spellings of a key, and for
	// all its schemes.
	key := roleKey{id: k.ID, scheme: schemeOf(k), material: string(der)}
	// R-4.2.2.1: a signature is verified by the scheme of its key.
	switch public := public.(type) {
	case ed25519.PublicKey:
		listed := &signerverifier.SSLibKey{KeyID: k.ID}
		listed.KeyVal.Public = hex.EncodeToString(public)
		key.size = ed25519.SignatureSize
		var v sslibVerifier
		v, err = signerverifier.NewED25519SignerVerifierFromSSLibKey(listed)
		key.verifier = libraryVerifier{v}
	case *ecdsa.PublicKey:
		key.verifier = ecdsaVerifier{public}
	case *rsa.PublicKey:
		key.size, key.verifier = public.Size(), newRSAVerifier(k.Scheme, public)
	case *mldsa.PublicKey:
		key.size, key.verifier = public.Parameters().SignatureSize(), mldsaVerifier{public}
	default:
		err = errors.New("its type has no built-in verifier")
	}
	if err != nil {
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: err.Error()}
	}
	return key, nil
}

// prefix25519 precedes the 32 bytes of an ed25519 key in its
// SubjectPublicKeyInfo (RFC 8410, section 4).
const prefix25519 = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

// encode returns the DER form of a key. It does not use an encoder for ed25519,
// which is the most common type, because a search may need one key a role.
func encode(public crypto.PublicKey) ([]byte, error) {
	if key, ok := public.(ed25519.PublicKey); ok {
		return append([]byte(prefix25519), key...), nil
	}
	return x509.MarshalPKIXPublicKey(public)
}
