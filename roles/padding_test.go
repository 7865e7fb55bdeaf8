package roles_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// rsaSignature is one way to sign with an RSA key.
type rsaSignature struct {
	name    string
	scheme  string // that it is for
	hash    crypto.Hash
	options crypto.SignerOpts
}

// rsaSignatures are all ways to sign that some scheme of an RSA key accepts,
// and some that none does. The longest salt depends on the key.
func rsaSignatures() (list []rsaSignature) {
	for _, h := range []struct {
		suffix string
		hash   crypto.Hash
	}{{"sha1", crypto.SHA1}, {"sha256", crypto.SHA256}, {"sha384", crypto.SHA384}, {"sha512", crypto.SHA512}} {
		list = append(list, rsaSignature{"PKCS #1 v1.5", "rsa-pkcs1v15-" + h.suffix, h.hash, h.hash})
		for name, length := range map[string]int{
			"no salt": 0, "a byte of salt": 1, "20 bytes of salt": 20, "32 bytes of salt": 32,
			"salt as long as the hash": rsa.PSSSaltLengthEqualsHash, "the longest salt": rsa.PSSSaltLengthAuto,
		} {
			list = append(list, rsaSignature{name, "rsassa-pss-" + h.suffix, h.hash,
				&rsa.PSSOptions{SaltLength: length, Hash: h.hash}})
		}
	}
	return list
}

// go-tuf#625, G10, K9, R-4.2.2.7: an RSA signature counts only with the padding
// and the hash of its scheme, and PSS with a salt of any length. A scheme
// counts only with its own key type.
func TestOnePaddingPerScheme(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	require.NoError(t, err)
	listed := *verifytest.NewKey("rsassa-pss-sha256", "listed")
	listed.KeyID, listed.Public = "rsa", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	schemes := []struct{ keyType, scheme string }{
		{"rsa", "rsa"}, {"rsa", "rsassa-pss"}, {"rsa", "ecdsa-sha2-nistp256"}, {"rsa", "rsa-pkcs1v15-sha1"},
		{"rsa", "rsassa-pss-sha1"}, {"ecdsa", "rsassa-pss-sha256"}, {"", "rsassa-pss-sha256"},
	}
	for _, scheme := range rsaSchemes {
		schemes = append(schemes, struct{ keyType, scheme string }{"rsa", scheme})
	}
	r := newRepository(t)
	for _, s := range rsaSignatures() {
		r.SignWith("targets", r.keys("somebody")...)
		r.EditEnvelope("targets", func(envelope map[string]any) {
			h := s.hash.New()
			h.Write(signedBytes(t, envelope))
			sig, err := private.Sign(rand.Reader, h.Sum(nil), s.options)
			require.NoError(t, err)
			envelope["signatures"] = []any{map[string]any{"keyid": "rsa", "sig": otherSpelling(sig)}}
		})
		r.PublishOnly("targets")
		for _, c := range schemes {
			key := listed
			key.KeyType, key.Scheme = c.keyType, c.scheme
			r.Rotate("targets", 1, &key)
			r.PublishOnly("root")
			_, err := r.verifyTargets()
			name := fmt.Sprintf("%s by %s, for a key of type %q with %q", s.name, s.scheme, c.keyType, c.scheme)
			if c.keyType == "rsa" && c.scheme == s.scheme && s.hash != crypto.SHA1 {
				require.NoError(t, err, name)
			} else {
				require.ErrorIs(t, err, roles.ErrThreshold, name)
			}
		}
	}
}

var rsaSchemes = []string{
	"rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512",
	"rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512",
}

// .K3 (K3): one RSA key under all schemes, with a signature by each,
// counts once.
func TestOneKeyUnderAllItsSchemes(t *testing.T) {
	r := newRepository(t)
	var keys []*verifytest.Key
	for _, scheme := range rsaSchemes {
		keys = append(keys, verifytest.NewKey(scheme, "one"))
		require.Equal(t, keys[0].Public, keys[len(keys)-1].Public)
	}
	r.Rotate("targets", 1, keys...)
	r.Publish()
	r.mustVerifyTargets()
	r.Rotate("targets", 2, keys...)
	r.Publish()
	e := r.thresholdError()
	require.EqualValues(t, 1, e.Valid)
	require.Empty(t, e.Wrong)

	// A signature by one scheme is not valid for the same key under another.
	for _, signer := range keys {
		for _, lister := range keys {
			listed := *signer
			listed.KeyID, listed.Scheme = "rsa", lister.Scheme
			r.Rotate("targets", 1, &listed)
			r.Publish()
			_, err := r.verifyTargets()
			if signer == lister {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, roles.ErrThreshold, "%s for %s", signer.Scheme, lister.Scheme)
			}
		}
	}
}
