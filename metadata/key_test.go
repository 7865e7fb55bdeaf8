package metadata_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const emptyPEM = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"

func key(keyType, scheme, public string) metadata.Key {
	return metadata.Key{ID: "id", Type: keyType, Scheme: scheme, Public: public}
}

func spki(t *testing.T, public any) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// rsaKey returns a public key with a modulus of the given size, whose factors
// are unknown.
func rsaKey(bits int, e int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(12345)), E: e}
}

// R-4.2.2.1, R-4.2.2.2, R-4.2.2.3, R-4.2.2.4, R-4.2.2.7, R-T21.1: keys that are
// accepted, in all their spellings.
func TestPublicKey(t *testing.T) {
	ed := verifytest.NewKey("ed25519", "a")
	for _, public := range []string{ed.Public, strings.ToUpper(ed.Public)} {
		got, err := key("ed25519", "ed25519", public).PublicKey()
		require.NoError(t, err)
		require.IsType(t, ed25519.PublicKey{}, got)
	}
	for scheme, curve := range map[string]elliptic.Curve{
		"ecdsa-sha2-nistp256": elliptic.P256(),
		"ecdsa-sha2-nistp384": elliptic.P384(),
		"ecdsa-sha2-nistp521": elliptic.P521(),
	} {
		k := verifytest.NewKey(scheme, "a")
		var first *ecdsa.PublicKey
		for _, keyType := range []string{"ecdsa", scheme} {
			for _, public := range []string{
				k.Public, strings.TrimSpace(k.Public), strings.ReplaceAll(k.Public, "\n", "\r\n"), "\n " + k.Public + " \n",
				k.HexPoint(), strings.ToUpper(k.HexPoint()),
			} {
				got, err := key(keyType, scheme, public).PublicKey()
				require.NoError(t, err, public)
				require.Equal(t, curve, got.(*ecdsa.PublicKey).Curve)
				if first == nil {
					first = got.(*ecdsa.PublicKey)
				}
				require.True(t, first.Equal(got))
			}
		}
	}
	for _, scheme := range rsaSchemes {
		for _, bits := range []int{2048, 4096, 8192} {
			for _, e := range []int{3, 65537, 1<<31 - 1} {
				_, err := key("rsa", scheme, spki(t, rsaKey(bits, e))).PublicKey()
				require.NoError(t, err, "%s, %d bits, exponent %d", scheme, bits, e)
			}
		}
	}
	for scheme, want := range mldsaSchemes {
		k := verifytest.NewKey(scheme, "a")
		for _, public := range []string{
			k.Public, strings.TrimSpace(k.Public), strings.ReplaceAll(k.Public, "\n", "\r\n"), "\n " + k.Public + " \n",
		} {
			got, err := key("ml-dsa", scheme, public).PublicKey()
			require.NoError(t, err, scheme)
			require.Equal(t, want, got.(*mldsa.PublicKey).Parameters())
		}
	}
}

var rsaSchemes = []string{
	"rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512",
	"rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512",
}

var mldsaSchemes = map[string]mldsa.Parameters{
	"ml-dsa-44/1": mldsa.MLDSA44(), "ml-dsa-65/1": mldsa.MLDSA65(), "ml-dsa-87/1": mldsa.MLDSA87(),
}

// reencoded returns a key of PEM with other DER bytes.
func reencoded(t *testing.T, public string, change func(der []byte) []byte) string {
	block, _ := pem.Decode([]byte(public))
	require.NotNil(t, block)
	return string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: change(block.Bytes)}))
}

// R-T21.1, R-T21.3: what looks like an ML-DSA key of a scheme, and is none. All
// start with the key that the scheme would accept, in DER:
//
//	30 82 05 32     SEQUENCE
//	  30 0b         SEQUENCE
//	    06 09 60 86 48 01 65 03 04 03 11
//	  03 82 05 21 00 ...
func TestUnusableMLDSAKeys(t *testing.T) {
	good := verifytest.NewKey("ml-dsa-44/1", "a").Public
	replace := func(old, text string) string {
		return reencoded(t, good, func(der []byte) []byte {
			require.Equal(t, 1, strings.Count(string(der), old))
			return []byte(strings.Replace(string(der), old, text, 1))
		})
	}
	bits := reencoded(t, good, func(der []byte) []byte {
		der[21], der[len(der)-1] = 1, der[len(der)-1]&^1
		return der
	})
	for _, c := range []struct {
		name string
		key  metadata.Key
		want string
	}{
		{"of ML-DSA-65", key("ml-dsa", "ml-dsa-44/1", verifytest.NewKey("ml-dsa-65/1", "a").Public), "not an ML-DSA-44 key"},
		{"of ML-DSA-87", key("ml-dsa", "ml-dsa-65/1", verifytest.NewKey("ml-dsa-87/1", "a").Public), "not an ML-DSA-65 key"},
		{"of ML-DSA-44", key("ml-dsa", "ml-dsa-87/1", good), "not an ML-DSA-87 key"},
		{"of ed25519", key("ml-dsa", "ml-dsa-44/1", verifytest.NewKey("ed25519", "a").Public), "not one PEM block"},
		{"of ECDSA", key("ml-dsa", "ml-dsa-44/1", verifytest.NewKey("ecdsa-sha2-nistp256", "a").Public),
			"not an ML-DSA-44 key"},
		{"as ECDSA", key("ecdsa", "ecdsa-sha2-nistp256", good), "not a key on P-256"},
		{"as RSA", key("rsa", "rsassa-pss-sha256", good), "not an RSA key"},
		{"an ML-DSA-44 key named 65", key("ml-dsa", "ml-dsa-44/1",
			replace("\x60\x86\x48\x01\x65\x03\x04\x03\x11", "\x60\x86\x48\x01\x65\x03\x04\x03\x12")), "not a public key"},
		{"with parameters", key("ml-dsa", "ml-dsa-44/1",
			replace("\x30\x82\x05\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11",
				"\x30\x82\x05\x34\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x05\x00")), "not a public key"},
		{"with data behind it", key("ml-dsa", "ml-dsa-44/1",
			reencoded(t, good, func(der []byte) []byte { return append(der, 0) })), "not a public key"},
		{"a longer form of a length", key("ml-dsa", "ml-dsa-44/1",
			replace("\x30\x82\x05\x32\x30\x0b", "\x30\x83\x00\x05\x32\x30\x0b")), "not a public key"},
		{"cut", key("ml-dsa", "ml-dsa-44/1",
			reencoded(t, good, func(der []byte) []byte { return der[:len(der)-1] })), "not a public key"},
		{"one bit less", key("ml-dsa", "ml-dsa-44/1", bits), "not the DER form of a public key"},
		{"another version", key("ml-dsa", "ml-dsa-44/2", good), "not supported"},
		{"no version", key("ml-dsa", "ml-dsa-44", good), "not supported"},
		{"a version in another spelling", key("ml-dsa", "ml-dsa-44/01", good), "not supported"},
		{"another parameter set", key("ml-dsa", "ml-dsa-45/1", good), "not supported"},
		{"the scheme as its type", key("ml-dsa-44/1", "ml-dsa-44/1", good), "not supported"},
		{"no type", key("", "", good), "not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.key.PublicKey()
			require.Nil(t, got)
			require.ErrorIs(t, err, metadata.ErrKey)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// R-4.2.2.2, R-4.2.2.3, R-4.2.2.4, R-4.2.2.5, R-4.2.2.6, R-4.2.2.8 (K3, K8, K9,
// K13, G10): keys that can verify nothing.
func TestUnusableKeys(t *testing.T) {
	ed := verifytest.NewKey("ed25519", "a")
	p256 := verifytest.NewKey("ecdsa-sha2-nistp256", "a")
	p384 := verifytest.NewKey("ecdsa-sha2-nistp384", "a")
	rsaPEM := spki(t, rsaKey(2048, 65537))
	offCurve := "04" + strings.Repeat("01", 64)
	point, err := hex.DecodeString(p256.HexPoint())
	require.NoError(t, err)
	compressed := hex.EncodeToString(append([]byte{2 + point[64]&1}, point[1:33]...))
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	privatePEM := func(label string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: privateDER}))
	}
	tooLarge := math.MaxInt32
	tooLarge += 2 // int may have 32 bits, where no such key can be made
	even := rsaKey(2048, 65537)
	even.N.SetBit(even.N, 0, 0)
	broken := "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"
	withHeaders := strings.Replace(p256.Public, "KEY-----\n", "KEY-----\na: b\n\n", 1)
	for _, c := range []struct {
		name string
		key  metadata.Key
		want string
	}{
		{"ed25519, 62 digits", key("ed25519", "ed25519", ed.Public[:62]),
			"want 64 hexadecimal digits for an ed25519 key, found 62 characters"},
		{"ed25519, 63 digits", key("ed25519", "ed25519", ed.Public[:63]), "found 63"},
		{"ed25519, 65 digits", key("ed25519", "ed25519", ed.Public+"0"), "found 65"},
		{"ed25519, 66 digits", key("ed25519", "ed25519", ed.Public+"00"), "found 66"},
		{"ed25519, not hexadecimal", key("ed25519", "ed25519", strings.Repeat("z", 64)), "64 hexadecimal digits"},
		{"ed25519, PEM", key("ed25519", "ed25519", p256.Public), "64 hexadecimal digits"},
		{"ed25519, empty", key("ed25519", "ed25519", ""), "found 0"},
		{"P-384 under P-256", key("ecdsa", "ecdsa-sha2-nistp256", p384.Public), "not a key on P-256"},
		{"P-256 under P-384", key("ecdsa", "ecdsa-sha2-nistp384", p256.Public), "not a key on P-384"},
		{"type of another curve", key("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256", p256.Public), "not supported"},
		{"P-384 point under P-256", key("ecdsa", "ecdsa-sha2-nistp256", p384.HexPoint()),
			"not an uncompressed point on P-256"},
		{"point off the curve", key("ecdsa", "ecdsa-sha2-nistp256", offCurve), "not an uncompressed point"},
		{"compressed point", key("ecdsa", "ecdsa-sha2-nistp256", compressed), "not an uncompressed point"},
		{"point at infinity", key("ecdsa", "ecdsa-sha2-nistp256", "00"), "not an uncompressed point"},
		{"ecdsa, empty", key("ecdsa", "ecdsa-sha2-nistp256", ""), "not an uncompressed point"},
		{"RSA under ecdsa", key("ecdsa", "ecdsa-sha2-nistp256", rsaPEM), "not a key on P-256"},
		{"ecdsa under RSA", key("rsa", "rsassa-pss-sha256", p256.Public), "not an RSA key"},
		{"RSA 1024", key("rsa", "rsassa-pss-sha256", spki(t, rsaKey(1024, 65537))),
			"an RSA key of 1024 bits, want 2048 to 8192"},
		{"RSA 2047", key("rsa", "rsassa-pss-sha256", spki(t, rsaKey(2047, 65537))), "2047 bits"},
		{"RSA 16384", key("rsa", "rsassa-pss-sha256", spki(t, rsaKey(16384, 65537))), "16384 bits"},
		{"RSA exponent 1", key("rsa", "rsassa-pss-sha256", spki(t, rsaKey(2048, 1))), "exponent 1"},
		{"RSA exponent 4", key("rsa", "rsassa-pss-sha256", spki(t, rsaKey(2048, 4))), "exponent 4"},
		{"RSA exponent 2^31+1", key("rsa", "rsassa-pss-sha256", spki(t, rsaKey(2048, tooLarge))), "exponent 2147483649"},
		{"RSA with an even modulus", key("rsa", "rsassa-pss-sha256", spki(t, even)), "even modulus"},
		{"RSA with SHA-1", key("rsa", "rsa-pkcs1v15-sha1", rsaPEM), "not supported"},
		{"RSA with SHA-224", key("rsa", "rsassa-pss-sha224", rsaPEM), "not supported"},
		{"RSA without a hash", key("rsa", "rsassa-pss", rsaPEM), "not supported"},
		{"rsa as ed25519", key("rsa", "ed25519", ed.Public), "not supported"},
		{"private key", key("ecdsa", "ecdsa-sha2-nistp256", privatePEM("PRIVATE KEY")), "PUBLIC KEY"},
		{"private key under a public label",
			key("ecdsa", "ecdsa-sha2-nistp256", privatePEM("PUBLIC KEY")), "not a public key"},
		{"PEM after text", key("ecdsa", "ecdsa-sha2-nistp256", "x\n"+p256.Public), "not one PEM block"},
		{"PEM of another type", key("ecdsa", "ecdsa-sha2-nistp256",
			strings.ReplaceAll(p256.Public, "PUBLIC KEY", "EC PUBLIC KEY")), "not one PEM block of the type PUBLIC KEY"},
		{"PEM that ends as another type", key("ecdsa", "ecdsa-sha2-nistp256",
			strings.Replace(p256.Public, "END PUBLIC KEY", "END KEY", 1)), "not one PEM block"},
		{"a PEM block that is none, and one", key("ecdsa", "ecdsa-sha2-nistp256", broken+p256.Public), "not one PEM block"},
		{"a PEM block of another type before it", key("ecdsa", "ecdsa-sha2-nistp256",
			strings.ReplaceAll(p384.Public, "PUBLIC KEY", "KEY")+p256.Public), "not one PEM block"},
		{"two PEM blocks", key("ecdsa", "ecdsa-sha2-nistp256", p256.Public+p256.Public), "not one PEM block"},
		{"PEM with headers", key("ecdsa", "ecdsa-sha2-nistp256", withHeaders), "not one PEM block"},
		{"PEM of nothing", key("ecdsa", "ecdsa-sha2-nistp256", emptyPEM+"\n"), "not"},
		{"unknown", key("sigstore-oidc", "Fulcio", ""), `key type "sigstore-oidc" with scheme "Fulcio" is not supported`},
		{"empty", metadata.Key{}, "not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.key.PublicKey()
			require.Nil(t, got)
			require.ErrorIs(t, err, metadata.ErrKey)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// .K1: the key ID of the specification is the hash of the key's canonical
// form with all members.
func TestContentID(t *testing.T) {
	root := mustDecode[metadata.Root](t, goodRoot)
	k, _ := root.Key("k1")
	// The input of sha256sum is
	// {"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1}
	require.Equal(t, "7ea5434f6b99a127260f3dafde2481a9728daa5352fa36a24338b6af55653b04", k.ContentID())
}

// go-tuf#713, go-tuf#739: an odd key has an ID, is unusable, and nothing
// panics.
func TestOddKeys(t *testing.T) {
	const good = `{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1}`
	for _, c := range []struct {
		key  string
		want string // the error of the file; empty if only the key is unusable
	}{
		{`{"keytype":"ed25519","keyval":{"public":""},"scheme":"ed25519"}`, ""},
		{`{"keytype":"ed25519","keyval":{},"scheme":"ed25519"}`, ""},
		{`{"keytype":"","keyval":{},"scheme":""}`, ""},
		{fmt.Sprintf(`{"keytype":"rsa","keyval":{"public":%q},"scheme":"rsassa-pss-sha256"}`, emptyPEM), ""},
		{`{"keytype":"ecdsa","keyval":{"public":"04"},"scheme":"ecdsa-sha2-nistp256"}`, ""},
		{fmt.Sprintf(`{"keytype":"ed25519","keyval":{"public":%q},"scheme":"ed25519"}`, strings.Repeat("é", 32)), ""},
		{`{"keytype":"x","keyval":{"public":"","deep":[[{"a":null}]]},"scheme":"y","keyid_hash_algorithms":null}`, ""},
		{`{"keytype":1,"keyval":{},"scheme":"y"}`, "want a string"},
		{`{"keytype":"x","keyval":[],"scheme":"y"}`, "want an object"},
		{`[]`, "want an object"},
	} {
		root, err := decode[metadata.Root](strings.Replace(goodRoot, good, c.key, 1))
		if c.want != "" {
			require.ErrorIs(t, err, metadata.ErrSyntax, c.key)
			require.ErrorContains(t, err, c.want, c.key)
			continue
		}
		require.NoError(t, err, c.key)
		k, ok := root.Key("k1")
		require.True(t, ok)
		require.Len(t, k.ContentID(), 64)
		_, err = k.PublicKey()
		require.ErrorIs(t, err, metadata.ErrKey, c.key)
	}
}
