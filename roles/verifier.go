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

	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"

	"github.com/tufwalk/tufwalk/metadata"
)

// Scheme is a pair of a key type and a signature scheme, as keys name them.
type Scheme struct{ KeyType, Scheme string }

// Verifier checks one signature of one key.
type Verifier interface {
	Verify(message, signature []byte) error
}

// NewVerifier makes the Verifier of a key. It must refuse key material that is of the wrong type or size.
//
// The material identifies the public key and nothing else: two spellings of one key must give the same material, whatever
// their key types and schemes, or one key could be counted twice toward a threshold. For a key that has a DER form
// (SubjectPublicKeyInfo), it must be that, as it is for the built-in schemes.
type NewVerifier func(metadata.Key) (v Verifier, material []byte, err error)

// signer is a key that may sign for a role, under the ID that the delegator gives it.
type signer struct {
	id       string
	material string
	verifier Verifier
}

func newSigner(k metadata.Key, p *Policy) (signer, error) {
	public, err := k.PublicKey()
	if err == nil {
		return builtin(k.ID, public)
	}
	if make := p.Schemes[Scheme{k.Type, k.Scheme}]; make != nil && !known(k) {
		v, material, err := make(k)
		if err != nil {
			return signer{}, &metadata.KeyError{ID: k.ID, Reason: err.Error()}
		}
		return signer{k.ID, string(material), v}, nil
	}
	return signer{}, err
}

// known says whether the scheme is a built-in one, whose bad keys are nobody else's business.
func known(k metadata.Key) bool {
	switch k.Scheme {
	case "ed25519", "rsassa-pss-sha256", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
		return true
	}
	return false
}

// library is what go-securesystemslib's verifiers have in common.
type library interface {
	Verify(ctx context.Context, data, sig []byte) error
}

type libraryVerifier struct{ library }

func (v libraryVerifier) Verify(message, signature []byte) error {
	return v.library.Verify(context.Background(), message, signature)
}

// builtin hands go-securesystemslib a key that metadata has checked, written anew in the one spelling that is safe there:
// its constructors and the standard library panic on others.
func builtin(id string, public crypto.PublicKey) (signer, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return signer{}, &metadata.KeyError{ID: id, Reason: err.Error()}
	}
	key := &signerverifier.SSLibKey{KeyID: id}
	key.KeyVal.Public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	var v library
	switch public := public.(type) {
	case ed25519.PublicKey:
		key.KeyVal.Public = hex.EncodeToString(public)
		v, err = signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
	case *ecdsa.PublicKey:
		v, err = signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
	case *rsa.PublicKey:
		v, err = signerverifier.NewRSAPSSSignerVerifierFromSSLibKey(key)
	}
	if err != nil {
		return signer{}, &metadata.KeyError{ID: id, Reason: err.Error()}
	}
	// .K3: the key's DER form is the same however the file spells it.
	return signer{id, string(der), libraryVerifier{v}}, nil
}
