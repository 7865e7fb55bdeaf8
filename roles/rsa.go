package roles

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
)

// rsaVerifier verifies signatures with an RSA key, whose size and exponent
// package metadata has checked.
//
// It uses crypto/rsa, because go-securesystemslib knows one of the six schemes
// and requires a salt of 32 bytes for it.
type rsaVerifier struct {
	public *rsa.PublicKey
	hash   crypto.Hash
	pss    bool
}

func newRSAVerifier(scheme string, public *rsa.PublicKey) rsaVerifier {
	hash, pss := rsaScheme(scheme)
	return rsaVerifier{public, hash, pss}
}

// rsaScheme returns the hash function of an RSA scheme, and whether its padding
// is PSS. The hash is 0 for any other scheme.
func rsaScheme(scheme string) (hash crypto.Hash, pss bool) {
	switch scheme {
	case "rsassa-pss-sha256":
		return crypto.SHA256, true
	case "rsassa-pss-sha384": // R-4.2.2.7
		return crypto.SHA384, true
	case "rsassa-pss-sha512":
		return crypto.SHA512, true
	case "rsa-pkcs1v15-sha256":
		return crypto.SHA256, false
	case "rsa-pkcs1v15-sha384":
		return crypto.SHA384, false
	case "rsa-pkcs1v15-sha512":
		return crypto.SHA512, false
	}
	return 0, false
}

// Verify verifies a signature. A PSS signature may have a salt of any length:
// the specification names none, and some tools use the longest that fits.
func (v rsaVerifier) Verify(message, signature []byte) error {
	h := v.hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	if v.pss {
		return rsa.VerifyPSS(v.public, v.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
	}
	return rsa.VerifyPKCS1v15(v.public, v.hash, digest, signature)
}
