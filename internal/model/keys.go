package model

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"

	"filippo.io/mldsa"
)

// publicKey is a key that can be used. Two spellings of one key have the same
// material.
type publicKey struct {
	scheme, material string
	verify           func(message, sig []byte) bool
}

// publicKey returns the key that a file lists under an ID, or nil if that key
// cannot be used: R-4.2.2.6, R-4.3.K4.
func (r *Rules) publicKey(keys object, id string) *publicKey {
	key, ok := keys[id].(object)
	if !ok {
		return nil
	}
	kind, scheme := key["keytype"].(string), key["scheme"].(string)
	text, _ := key["keyval"].(object)["public"].(string)
	var k *publicKey
	switch {
	case kind == "ed25519" && (scheme == "ed25519" || r.Loose["R-4.2.2.5"]):
		k = ed25519Key(text)
	case curves[scheme].curve != nil && (kind == "ecdsa" || kind == scheme):
		k = ecdsaKey(text, curves[scheme].curve, curves[scheme].hash)
	case paddings[scheme].hash != 0 && kind == "rsa":
		k = rsaKey(text, paddings[scheme].hash, paddings[scheme].pss)
	case sets[scheme].size != 0 && kind == "ml-dsa":
		k = mldsaKey(text, sets[scheme])
	}
	if k != nil {
		k.scheme = scheme
	}
	return k
}

// ed25519Key is R-4.2.2.3 and R-4.2.2.8.
func ed25519Key(text string) *publicKey {
	public, err := hex.DecodeString(text)
	if err != nil || len(public) != 32 || weak(public) {
		return nil
	}
	return &publicKey{material: string(public), verify: func(message, sig []byte) bool {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(public, message, sig)
	}}
}

// weak reports whether y is not below p, or is that of a point whose order
// divides 8: y is 1, -1 or 0, or doubling the point gives one with y = 0, which
// means that d y^4 + 2 y^2 = 1.
func weak(public []byte) bool {
	b := slices.Clone(public)
	slices.Reverse(b)
	b[0] &= 0x7f
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p))
	y := new(big.Int).SetBytes(b)
	if y.Cmp(p) >= 0 {
		return true
	}
	square := new(big.Int).Mul(y, y)
	if square.Mod(square, p); square.Cmp(big.NewInt(1)) <= 0 {
		return true
	}
	left := new(big.Int).Mul(d, square)
	left.Add(left, big.NewInt(2)).Mul(left, square)
	return left.Mod(left, p).Cmp(big.NewInt(1)) == 0
}

var curves = map[string]struct {
	curve elliptic.Curve
	hash  crypto.Hash
}{
	"ecdsa-sha2-nistp256": {elliptic.P256(), crypto.SHA256},
	"ecdsa-sha2-nistp384": {elliptic.P384(), crypto.SHA384},
	"ecdsa-sha2-nistp521": {elliptic.P521(), crypto.SHA512},
}

// ecdsaKey is R-4.2.2.4.
func ecdsaKey(text string, curve elliptic.Curve, h crypto.Hash) *publicKey {
	var key *ecdsa.PublicKey
	if point, err := hex.DecodeString(text); err == nil {
		key, err = ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			return nil
		}
	} else {
		parsed, _ := x509.ParsePKIXPublicKey(inPEM(text))
		key, _ = parsed.(*ecdsa.PublicKey)
	}
	if key == nil || key.Curve != curve {
		return nil
	}
	point, err := key.Bytes()
	must(err == nil, "a key without a point: %v", err)
	return &publicKey{material: string(point), verify: func(message, sig []byte) bool {
		return ecdsa.VerifyASN1(key, digest(h, message), sig)
	}}
}

var paddings = map[string]struct {
	hash crypto.Hash
	pss  bool
}{
	"rsassa-pss-sha256":   {crypto.SHA256, true},
	"rsassa-pss-sha384":   {crypto.SHA384, true},
	"rsassa-pss-sha512":   {crypto.SHA512, true},
	"rsa-pkcs1v15-sha256": {crypto.SHA256, false},
	"rsa-pkcs1v15-sha384": {crypto.SHA384, false},
	"rsa-pkcs1v15-sha512": {crypto.SHA512, false},
}

// rsaKey is R-4.2.2.2 and R-4.2.2.7.
func rsaKey(text string, h crypto.Hash, pss bool) *publicKey {
	parsed, _ := x509.ParsePKIXPublicKey(inPEM(text))
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 || key.N.BitLen() > 8192 || key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 {
		return nil
	}
	return &publicKey{material: key.N.String() + "," + big.NewInt(int64(key.E)).String(),
		verify: func(message, sig []byte) bool {
			if pss {
				return rsa.VerifyPSS(key, h, digest(h, message), sig, nil) == nil
			}
			return rsa.VerifyPKCS1v15(key, h, digest(h, message), sig) == nil
		}}
}

// set is a parameter set of ML-DSA: the last number of its object identifier,
// and the size of its public keys.
type set struct {
	parameters mldsa.Parameters
	last       byte
	size       int
}

var sets = map[string]set{
	"ml-dsa-44/1": {mldsa.MLDSA44(), 17, 1312},
	"ml-dsa-65/1": {mldsa.MLDSA65(), 18, 1952},
	"ml-dsa-87/1": {mldsa.MLDSA87(), 19, 2592},
}

// mldsaKey is R-T21.1 and R-T21.2. The key is all that varies in its DER form.
func mldsaKey(text string, s set) *publicKey {
	der, n := inPEM(text), s.size
	head := []byte{
		0x30, 0x82, byte((n + 18) >> 8), byte(n + 18),
		0x30, 11, 6, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, s.last,
		0x03, 0x82, byte((n + 1) >> 8), byte(n + 1), 0,
	}
	bytes, ok := strings.CutPrefix(string(der), string(head))
	if !ok {
		return nil
	}
	key, err := mldsa.NewPublicKey(s.parameters, []byte(bytes))
	if err != nil {
		return nil
	}
	return &publicKey{material: bytes, verify: func(message, sig []byte) bool {
		sum := sha512.Sum512(message)
		return mldsa.Verify(key, slices.Concat([]byte("tuf"), []byte{1}, sum[:]), sig, &mldsa.Options{}) == nil
	}}
}

// inPEM returns the bytes in a single PEM block, or nil: R-4.2.2.8.
func inPEM(text string) []byte {
	text = strings.TrimSpace(text)
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || len(block.Headers) > 0 || len(rest) > 0 {
		return nil
	}
	if !strings.HasPrefix(text, "-----BEGIN") || strings.Count(text, "-----BEGIN") != 1 {
		return nil
	}
	return block.Bytes
}

func digest(h crypto.Hash, message []byte) []byte {
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
}
