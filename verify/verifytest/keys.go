package verifytest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"strings"
	"sync"

	"filippo.io/mldsa"
	"filippo.io/mldsa/x509"
)

// A Key is a key pair, and how metadata lists its public key. To list it
// differently, copy it and change the fields. The copy signs as the original
// does:
//
//	twin := *key
//	twin.KeyType = "ecdsa-sha2-nistp256" // an old spelling, hence another ID
//	alias := *key
//	alias.KeyID = "another name"
type Key struct {
	// KeyID is what ID returns. If it is empty, ID returns the hash of the
	// key's canonical form.
	KeyID string
	// KeyType is "ed25519", "ecdsa", "rsa" or "ml-dsa".
	KeyType string
	// Scheme is the signature scheme, as in NewKey.
	Scheme string
	// Public is the public key: in hexadecimal for ed25519, otherwise PEM.
	Public string
	// Extra are more members of the key's object, such as
	// keyid_hash_algorithms.
	Extra map[string]any

	private crypto.Signer
	options crypto.SignerOpts
}

//go:embed rsa.pem
var rsaPEM string

// rsaKeys are four keys of 2048 bits. Making one takes too long for a test, and
// gives another key each time.
var rsaKeys = sync.OnceValue(func() (keys []crypto.Signer) {
	rest := []byte(strings.ReplaceAll(rsaPEM, "TESTING KEY", "PRIVATE KEY"))
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return keys
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key.(crypto.Signer))
	}
})

// constant signs every message with one signature.
type constant struct{}

func (constant) Public() crypto.PublicKey { return nil }

func (constant) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return append([]byte{1}, make([]byte, ed25519.SignatureSize-1)...), nil
}

// NewWeakKey returns an ed25519 key that no verifier may accept: the neutral
// element, for which anyone can sign. It signs every message with the same
// signature, which crypto/ed25519 verifies. The spelling is one of four, from 0
// to 3, all of which crypto/ed25519 reads as this point.
func NewWeakKey(spelling int) *Key {
	public := []string{
		"01" + strings.Repeat("00", 30) + "00", // y = 1
		"01" + strings.Repeat("00", 30) + "80", // y = 1, and x is -0
		"ee" + strings.Repeat("ff", 30) + "7f", // y = p+1
		"ee" + strings.Repeat("ff", 30) + "ff",
	}[spelling]
	return &Key{KeyType: "ed25519", Scheme: "ed25519", Public: public, private: constant{}, options: crypto.Hash(0)}
}

// Schemes returns the schemes of NewKey.
func Schemes() []string {
	return []string{
		"ed25519",
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		"rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512",
		"rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512",
		"ml-dsa-44/1", "ml-dsa-65/1", "ml-dsa-87/1",
	}
}

// NewKey returns the key of that scheme and name. The same arguments always
// give the same key. [Schemes] returns the schemes. There are only four RSA
// keys, for all RSA schemes together. Names that differ in the last letter or
// digit only, by one to three, have different RSA keys; other names may share
// one.
func NewKey(scheme, name string) *Key {
	k := &Key{Scheme: scheme}
	switch scheme {
	case "ed25519":
		k.KeyType, k.options = "ed25519", crypto.Hash(0)
		private := ed25519.NewKeyFromSeed(derive(scheme, name, ed25519.SeedSize))
		k.private, k.Public = private, hex.EncodeToString(private.Public().(ed25519.PublicKey))
		return k
	case "ecdsa-sha2-nistp256":
		k.setECDSA(elliptic.P256(), name, crypto.SHA256)
	case "ecdsa-sha2-nistp384":
		k.setECDSA(elliptic.P384(), name, crypto.SHA384)
	case "ecdsa-sha2-nistp521":
		k.setECDSA(elliptic.P521(), name, crypto.SHA512)
	case "rsassa-pss-sha256":
		k.setRSA(name, pss(crypto.SHA256))
	case "rsassa-pss-sha384":
		k.setRSA(name, pss(crypto.SHA384))
	case "rsassa-pss-sha512":
		k.setRSA(name, pss(crypto.SHA512))
	case "rsa-pkcs1v15-sha256":
		k.setRSA(name, crypto.SHA256)
	case "rsa-pkcs1v15-sha384":
		k.setRSA(name, crypto.SHA384)
	case "rsa-pkcs1v15-sha512":
		k.setRSA(name, crypto.SHA512)
	case "ml-dsa-44/1":
		k.setMLDSA(mldsa.MLDSA44(), name)
	case "ml-dsa-65/1":
		k.setMLDSA(mldsa.MLDSA65(), name)
	case "ml-dsa-87/1":
		k.setMLDSA(mldsa.MLDSA87(), name)
	default:
		panic(fmt.Sprintf("verifytest: no scheme %q", scheme))
	}
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		panic(err)
	}
	k.Public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return k
}

func pss(h crypto.Hash) crypto.SignerOpts {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}

func (k *Key) setRSA(name string, options crypto.SignerOpts) {
	sum := 0
	for i := range len(name) {
		sum += int(name[i])
	}
	k.KeyType, k.private, k.options = "rsa", rsaKeys()[sum%len(rsaKeys())], options
}

func (k *Key) setMLDSA(parameters mldsa.Parameters, name string) {
	private, err := mldsa.NewPrivateKey(parameters, derive(k.Scheme, name, mldsa.PrivateKeySize))
	if err != nil {
		panic(err)
	}
	k.KeyType, k.private, k.options = "ml-dsa", private, &mldsa.Options{}
}

// derive makes n bytes of a key's scheme and name.
func derive(scheme, name string, n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "tufwalk verifytest %d %q %q", i, scheme, name))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func (k *Key) setECDSA(curve elliptic.Curve, name string, h crypto.Hash) {
	// Eight bytes more than the order has, reduced to [1, order-1].
	size := (curve.Params().N.BitLen() + 7) / 8
	d := new(big.Int).SetBytes(derive(k.Scheme, name, size+8))
	d.Mod(d, new(big.Int).Sub(curve.Params().N, big.NewInt(1)))
	d.Add(d, big.NewInt(1))
	private, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, size)))
	if err != nil {
		panic(err)
	}
	k.KeyType, k.private, k.options = "ecdsa", private, h
}

// ID returns the key ID in signatures and roles: KeyID, or else the SHA-256 of
// Object in canonical form.
func (k *Key) ID() string {
	if k.KeyID != "" {
		return k.KeyID
	}
	sum := sha256.Sum256(signedBytes(k.Object()))
	return hex.EncodeToString(sum[:])
}

// Object returns the key as metadata lists it.
func (k *Key) Object() map[string]any {
	o := map[string]any{
		"keytype": k.KeyType,
		"scheme":  k.Scheme,
		"keyval":  map[string]any{"public": k.Public},
	}
	maps.Copy(o, k.Extra)
	return o
}

// HexPoint returns an ECDSA key's public point, uncompressed and in
// hexadecimal. Old repositories list such keys.
func (k *Key) HexPoint() string {
	public, ok := k.private.Public().(*ecdsa.PublicKey)
	if !ok {
		panic("verifytest: HexPoint of a key that is not ECDSA")
	}
	point, err := public.Bytes()
	if err != nil {
		panic(err)
	}
	return hex.EncodeToString(point)
}

// Sign signs a message with the private key by the scheme that it was made for,
// whatever KeyType and Scheme say now. The same message has the same signature.
func (k *Key) Sign(message []byte) []byte {
	if k.private == nil {
		panic("verifytest: a Key must come from NewKey")
	}
	if private, ok := k.private.(*mldsa.PrivateKey); ok {
		return signMLDSA(private, message)
	}
	digest, random := message, io.Reader(nil) // without randomness ECDSA signs by RFC 6979
	if h := k.options.HashFunc(); h != 0 {
		hash := h.New()
		hash.Write(message)
		digest = hash.Sum(nil)
		if _, ok := k.private.(*rsa.PrivateKey); ok {
			random = bytes.NewReader(derive("salt", string(digest), h.Size()))
		}
	}
	sig, err := k.private.Sign(random, digest, k.options)
	if err != nil {
		panic(err)
	}
	return sig
}

// signMLDSA signs a message as TAP 21 has it.
func signMLDSA(private *mldsa.PrivateKey, message []byte) []byte {
	sum := sha512.Sum512(message)
	sig, err := private.SignDeterministic(append([]byte("tuf\x01"), sum[:]...), nil)
	if err != nil {
		panic(err)
	}
	return sig
}
