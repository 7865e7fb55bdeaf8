package metadata

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"filippo.io/mldsa"
	"filippo.io/mldsa/x509"
)

// maxPEM is the maximum size of a PEM block in bytes. All supported keys are
// smaller: ML-DSA-87, the largest, needs about 3,700.
const maxPEM = 4096

// Limits for an RSA key (R-4.2.2.2): the size of its modulus in bits, and its
// exponent, which crypto/rsa limits as well.
const (
	minRSABits, maxRSABits = 2048, 8192
	maxRSAExponent         = 1<<31 - 1
)

// PublicKey decodes the key. The result is an ed25519.PublicKey, an
// *ecdsa.PublicKey, an *rsa.PublicKey or a *mldsa.PublicKey (package
// filippo.io/mldsa), whose type, curve and size fit the scheme. Errors are
// *KeyError.
//
// These schemes are supported (docs/schemes.md):
//
//   - ed25519: the key is 64 hexadecimal digits.
//   - ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 and ecdsa-sha2-nistp521: the key
//     is PEM, or an uncompressed point in hexadecimal. The key type is ecdsa or
//     the name of the scheme.
//   - rsassa-pss-sha256, -sha384 and -sha512, rsa-pkcs1v15-sha256, -sha384 and
//     -sha512: the key is PEM and has 2048 to 8192 bits. The key type is rsa.
//   - ml-dsa-44/1, ml-dsa-65/1 and ml-dsa-87/1 (TAP 21): the key is PEM. The
//     key type is ml-dsa.
func (k Key) PublicKey() (crypto.PublicKey, error) {
	var key crypto.PublicKey
	var reason string
	// R-4.2.2.1: these schemes and no others
	switch {
	case k.Type == "ed25519" && k.Scheme == "ed25519":
		key, reason = k.ed25519()
	case curve(k.Scheme) != nil && (k.Type == "ecdsa" || k.Type == k.Scheme): // R-4.2.2.4
		key, reason = k.ecdsa(curve(k.Scheme))
	case k.Type == "rsa" && isRSA(k.Scheme): // R-4.2.2.7
		key, reason = k.rsa()
	case k.Type == "ml-dsa" && parameterSet(k.Scheme) != mldsa.Parameters{}: // R-T21.1
		key, reason = k.mldsa(parameterSet(k.Scheme))
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

func isRSA(scheme string) bool {
	switch scheme {
	case "rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512",
		"rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512":
		return true
	}
	return false
}

// parameterSet returns the parameter set of an ML-DSA scheme, or the zero value
// for any other scheme.
//
// R-T21.3: the number after the slash is part of the name. Another number makes
// an unknown scheme.
func parameterSet(scheme string) (none mldsa.Parameters) {
	switch scheme {
	case "ml-dsa-44/1":
		return mldsa.MLDSA44()
	case "ml-dsa-65/1":
		return mldsa.MLDSA65()
	case "ml-dsa-87/1":
		return mldsa.MLDSA87()
	}
	return none
}

// ed25519 decodes an ed25519 key.
//
// R-4.2.2.3: 64 hexadecimal digits.
func (k Key) ed25519() (ed25519.PublicKey, string) {
	b, err := hex.DecodeString(k.Public)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Sprintf("want 64 hexadecimal digits for an ed25519 key, found %d characters", len(k.Public))
	}
	if reason := weakPoint([ed25519.PublicKeySize]byte(b)); reason != "" {
		return nil, reason
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
	case key.N.Bit(0) == 0:
		reason = "an RSA key with an even modulus"
	case key.E < 3 || key.E%2 == 0 || key.E > maxRSAExponent:
		reason = fmt.Sprintf("an RSA key with the exponent %d", key.E)
	}
	return key, reason
}

// mldsa decodes an ML-DSA key.
//
// R-T21.1: a SubjectPublicKeyInfo as RFC 9881 has it, with the parameter set of
// the scheme.
func (k Key) mldsa(want mldsa.Parameters) (*mldsa.PublicKey, string) {
	parsed, reason := k.spki()
	key, ok := parsed.(*mldsa.PublicKey)
	if reason == "" && (!ok || key.Parameters() != want) {
		reason = fmt.Sprintf("not an %v key", want)
	}
	return key, reason
}

// spki decodes a SubjectPublicKeyInfo in PEM. Only white space is allowed
// around it.
// R-4.2.2.4: the key is PEM. R-4.2.2.8: it is one block of this type, and
// nothing else; pem.Decode would skip a block that it cannot read.
func (k Key) spki() (crypto.PublicKey, string) {
	const header = "-----BEGIN PUBLIC KEY-----"
	text := strings.TrimSpace(k.Public)
	if !strings.HasPrefix(text, header) || len(text) > maxPEM || strings.Count(text, "-----BEGIN") > 1 {
		return nil, "not one PEM block of the type PUBLIC KEY"
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(rest) > 0 || len(block.Headers) > 0 {
		return nil, "not one PEM block of the type PUBLIC KEY"
	}
	// Like that of crypto/x509, which does not know ML-DSA before Go 1.27.
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, "not a public key: " + err.Error()
	}
	// R-T21.1: a key has one DER form.
	if again, err := x509.MarshalPKIXPublicKey(key); err != nil || !bytes.Equal(again, block.Bytes) {
		return nil, "not the DER form of a public key"
	}
	return key, ""
}
