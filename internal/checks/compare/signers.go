package main

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
	"math/big"
	"math/rand/v2"
)

// signer is a key of a repository. It signs, and verifies as plain work with
// the standard library, by the key that was decoded once.
type signer struct {
	id     string
	listed object // as a file lists it
	sign   func(payload []byte) []byte
	verify func(payload, signature []byte) bool
}

// newKey makes the key with a name. The same name gives the same key.
type newKey func(name string) *signer

// newSigner completes a key. Its ID is the hash of its canonical form.
func newSigner(keyType, scheme, public string, s *signer) *signer {
	s.listed = object{"keytype": keyType, "scheme": scheme, "keyval": object{"public": public}}
	sum := sha256.Sum256(canonical(encode(s.listed)))
	s.id = hex.EncodeToString(sum[:])
	return s
}

func ed25519Key(name string) *signer {
	seed := sha256.Sum256([]byte("compare " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := private.Public().(ed25519.PublicKey)
	return newSigner("ed25519", "ed25519", hex.EncodeToString(public), &signer{
		sign:   func(payload []byte) []byte { return ed25519.Sign(private, payload) },
		verify: func(payload, signature []byte) bool { return ed25519.Verify(public, payload, signature) },
	})
}

func ecdsaKey(name string) *signer {
	seed := sha256.Sum256([]byte("compare " + name))
	private := must(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:]))
	return newSigner("ecdsa", "ecdsa-sha2-nistp256", publicPEM(&private.PublicKey), &signer{
		sign: func(payload []byte) []byte {
			digest := sha256.Sum256(payload)
			return must(private.Sign(nil, digest[:], crypto.SHA256)) // without randomness, as RFC 6979 has it
		},
		verify: func(payload, signature []byte) bool {
			digest := sha256.Sum256(payload)
			return ecdsa.VerifyASN1(&private.PublicKey, digest[:], signature)
		},
	})
}

// rsaKey makes a key of 2048 bits. Only the salts of its signatures differ from
// run to run.
func rsaKey(name string) *signer {
	random := rand.NewChaCha8(sha256.Sum256([]byte("compare " + name)))
	p, q := prime(random), prime(random)
	one, e := big.NewInt(1), big.NewInt(65537)
	order := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(e, order), Primes: []*big.Int{p, q},
	}
	private.Precompute()
	options := &rsa.PSSOptions{SaltLength: sha256.Size}
	return newSigner("rsa", "rsassa-pss-sha256", publicPEM(&private.PublicKey), &signer{
		sign: func(payload []byte) []byte {
			digest := sha256.Sum256(payload)
			return must(private.Sign(random, digest[:], &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256}))
		},
		verify: func(payload, signature []byte) bool {
			digest := sha256.Sum256(payload)
			return rsa.VerifyPSS(&private.PublicKey, crypto.SHA256, digest[:], signature, options) == nil
		},
	})
}

// prime returns a prime of 1024 bits. Its upper two bits are set, so that the
// product of two has 2048.
func prime(random *rand.ChaCha8) *big.Int {
	b := make([]byte, 128)
	for {
		_, _ = random.Read(b) // it never fails
		b[0] |= 0xc0
		b[len(b)-1] |= 1
		if p := new(big.Int).SetBytes(b); p.ProbablyPrime(20) {
			return p
		}
	}
}

func publicPEM(public crypto.PublicKey) string {
	der := must(x509.MarshalPKIXPublicKey(public))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// must is for what cannot fail with the inputs of this program.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
