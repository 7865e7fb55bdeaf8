package verifytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
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
	// KeyType is "ed25519", "ecdsa" or "rsa".
	KeyType string
	// Scheme is the signature scheme, as in NewKey.
	Scheme string
	// Public is the public key: in hexadecimal for ed25519, otherwise PEM.
	Public string
	// Extra are more members of the key's object, such as
	// keyid_hash_algorithms.
	Extra map[string]any

	private crypto.Signer
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

// NewKey returns the key of that scheme and name. The same arguments always
// give the same key. The schemes are "ed25519", "ecdsa-sha2-nistp256",
// "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521" and "rsassa-pss-sha256". There
// are only four RSA keys. Names that differ in the last letter or digit only,
// by one to three, have different RSA keys; other names may share one.
func NewKey(scheme, name string) *Key {
	k := &Key{Scheme: scheme}
	switch scheme {
	case "ed25519":
		k.KeyType = "ed25519"
		k.private = ed25519.NewKeyFromSeed(derive(scheme, name, ed25519.SeedSize))
		k.Public = hex.EncodeToString(k.private.Public().(ed25519.PublicKey))
		return k
	case "ecdsa-sha2-nistp256":
		k.KeyType, k.private = "ecdsa", newECDSA(elliptic.P256(), scheme, name)
	case "ecdsa-sha2-nistp384":
		k.KeyType, k.private = "ecdsa", newECDSA(elliptic.P384(), scheme, name)
	case "ecdsa-sha2-nistp521":
		k.KeyType, k.private = "ecdsa", newECDSA(elliptic.P521(), scheme, name)
	case "rsassa-pss-sha256":
		sum := 0
		for i := range len(name) {
			sum += int(name[i])
		}
		k.KeyType, k.private = "rsa", rsaKeys()[sum%len(rsaKeys())]
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

// derive makes n bytes of a key's scheme and name.
func derive(scheme, name string, n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "tufwalk verifytest %d %q %q", i, scheme, name))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func newECDSA(curve elliptic.Curve, scheme, name string) *ecdsa.PrivateKey {
	// Eight bytes more than the order has, reduced to [1, order-1].
	size := (curve.Params().N.BitLen() + 7) / 8
	d := new(big.Int).SetBytes(derive(scheme, name, size+8))
	d.Mod(d, new(big.Int).Sub(curve.Params().N, big.NewInt(1)))
	d.Add(d, big.NewInt(1))
	key, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, size)))
	if err != nil {
		panic(err)
	}
	return key
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

// Sign signs a message with the private key, whatever KeyType and Scheme say.
// The same message has the same signature, except with RSA, whose PSS padding
// has a random salt.
func (k *Key) Sign(message []byte) []byte {
	var digest []byte
	var opts crypto.SignerOpts
	switch private := k.private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(private, message)
	case *rsa.PrivateKey:
		sum := sha256.Sum256(message)
		sig, err := private.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
		if err != nil {
			panic(err)
		}
		return sig
	case *ecdsa.PrivateKey:
		switch private.Curve {
		case elliptic.P256():
			sum := sha256.Sum256(message)
			digest, opts = sum[:], crypto.SHA256
		case elliptic.P384():
			sum := sha512.Sum384(message)
			digest, opts = sum[:], crypto.SHA384
		default:
			sum := sha512.Sum512(message)
			digest, opts = sum[:], crypto.SHA512
		}
	default:
		panic("verifytest: a Key must come from NewKey")
	}
	sig, err := k.private.Sign(nil, digest, opts) // without randomness: RFC 6979
	if err != nil {
		panic(err)
	}
	return sig
}
