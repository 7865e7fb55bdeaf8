package roles

import (
	"crypto"
	"crypto/ecdsa"
	"errors"
)

// ecdsaVerifier verifies signatures with an ECDSA key, whose curve package
// metadata has checked.
//
// It uses crypto/ecdsa, because go-securesystemslib would decode the key once
// more, from PEM, which takes about as long as half a signature.
type ecdsaVerifier struct{ public *ecdsa.PublicKey }

var errECDSA = errors.New("wrong ECDSA signature")

// Verify verifies a signature in ASN.1, of the hash with the size of the curve.
func (v ecdsaVerifier) Verify(message, signature []byte) error {
	hash := crypto.SHA256
	switch v.public.Curve.Params().BitSize {
	case 384:
		hash = crypto.SHA384
	case 521:
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(message)
	if !ecdsa.VerifyASN1(v.public, h.Sum(nil), signature) {
		return errECDSA
	}
	return nil
}
