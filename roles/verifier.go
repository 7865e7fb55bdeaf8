package roles

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"

	"github.com/tufwalk/tufwalk/metadata"
)

// Scheme is a pair of a key type and a signature scheme, as keys name them.
type Scheme struct{ KeyType, Scheme string }

// Verifier checks one signature of one key. Its word must depend on the key,
// the message and the signature alone, because it is not asked twice; it must
// neither change nor keep the message.
type Verifier interface {
	Verify(message, signature []byte) error
}

// NewVerifier makes the Verifier of a key. It must refuse key material that is
// of the wrong type or size.
//
// The material identifies the public key and nothing else: two spellings of one
// key must give the same material, whatever their key types and schemes, or one
// key could be counted twice toward a threshold. For a key that has a DER form
// (SubjectPublicKeyInfo), it must be that, as it is for the built-in schemes.
type NewVerifier func(metadata.Key) (v Verifier, material []byte, err error)

// signer is a key that may sign for a role, under the ID that the delegator
// gives it.
type roleKey struct {
	id       string
	scheme   Scheme
	material string
	key      string // all of it, if the scheme is not built in: what else a Verifier may go by
	verifier Verifier
}

func newRoleKey(k metadata.Key, p *Policy) (roleKey, error) {
	public, err := k.PublicKey()
	if err == nil {
		return builtin(k, public)
	}
	if make := p.Schemes[Scheme{k.Type, k.Scheme}]; make != nil && !known(k) {
		v, material, err := make(k)
		if err != nil {
			return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: err.Error()}
		}
		return roleKey{k.ID, Scheme{strings.Clone(k.Type), strings.Clone(k.Scheme)}, string(material), string(k.JSON()), v}, nil
	}
	return roleKey{}, err
}

// known says whether the scheme is a built-in one, whose bad keys are nobody
// else's business.
func known(k metadata.Key) bool {
	switch k.Scheme {
	case "ed25519", "rsassa-pss-sha256", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
		return true
	}
	return false
}

// library is what go-securesystemslib's verifiers have in common.
type sslibVerifier interface {
	Verify(ctx context.Context, data, sig []byte) error
}

type libraryVerifier struct{ sslibVerifier }

func (v libraryVerifier) Verify(message, signature []byte) error {
	return v.sslibVerifier.Verify(context.Background(), message, signature)
}

// builtin hands go-securesystemslib a key that metadata has checked, written
// anew in the one spelling that is safe there: its constructors and the
// standard library panic on others.
func builtin(k metadata.Key, public crypto.PublicKey) (roleKey, error) {
	der, err := encode(public)
	if err != nil {
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: err.Error()}
	}
	key := &signerverifier.SSLibKey{KeyID: k.ID}
	var v sslibVerifier
	switch public := public.(type) {
	case ed25519.PublicKey:
		key.KeyVal.Public = hex.EncodeToString(public)
		v, err = signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
	case *ecdsa.PublicKey:
		key.KeyVal.Public = armor(der)
		v, err = signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
	case *rsa.PublicKey:
		key.KeyVal.Public = armor(der)
		v, err = signerverifier.NewRSAPSSSignerVerifierFromSSLibKey(key)
	}
	if err != nil {
		return roleKey{}, &metadata.KeyError{ID: k.ID, Reason: err.Error()}
	}
	// .K3: the key's DER form is the same however the file spells it.
	return roleKey{k.ID, Scheme{strings.Clone(k.Type), strings.Clone(k.Scheme)}, string(der), "", libraryVerifier{v}}, nil
}

// prefix25519 is what stands before the 32 bytes of an ed25519 key in its
// SubjectPublicKeyInfo (RFC 8410, section 4).
const prefix25519 = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

// encode returns a key's DER form. For the commonest keys, of which a lookup
// may need one a role, that takes no encoder.
func encode(public crypto.PublicKey) ([]byte, error) {
	if key, ok := public.(ed25519.PublicKey); ok {
		return append([]byte(prefix25519), key...), nil
	}
	return x509.MarshalPKIXPublicKey(public)
}

func armor(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
