package roles_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// go-tuf#625, G10, K9: an RSA signature counts only with the padding, the hash
// and the salt of its scheme. A scheme counts only with its own key type.
func TestOnePaddingPerScheme(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	require.NoError(t, err)
	listed := *verifytest.NewKey("rsassa-pss-sha256", "listed")
	listed.KeyID, listed.Public = "rsa", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	pss := func(h crypto.Hash, salt int) func([]byte) ([]byte, error) {
		return func(digest []byte) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, private, h, digest, &rsa.PSSOptions{SaltLength: salt, Hash: h})
		}
	}
	for _, c := range []struct {
		name, keyType, scheme string
		hash                  crypto.Hash
		sign                  func(digest []byte) ([]byte, error)
		want                  error
	}{
		{"PSS", "rsa", "rsassa-pss-sha256", crypto.SHA256, pss(crypto.SHA256, 32), nil},
		{"PKCS #1 v1.5", "rsa", "rsassa-pss-sha256", crypto.SHA256, func(digest []byte) ([]byte, error) {
			return rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest)
		}, roles.ErrThreshold},
		{"another hash", "rsa", "rsassa-pss-sha256", crypto.SHA512, pss(crypto.SHA512, 64), roles.ErrThreshold},
		{"no salt", "rsa", "rsassa-pss-sha256", crypto.SHA256, pss(crypto.SHA256, 0), roles.ErrThreshold},
		{"a scheme that does not say PSS", "rsa", "rsa", crypto.SHA256, pss(crypto.SHA256, 32), roles.ErrThreshold},
		{"a scheme of another type of key", "rsa", "ecdsa-sha2-nistp256", crypto.SHA256, pss(crypto.SHA256, 32),
			roles.ErrThreshold},
		{"another type of key", "ecdsa", "rsassa-pss-sha256", crypto.SHA256, pss(crypto.SHA256, 32), roles.ErrThreshold},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			key := listed
			key.KeyType, key.Scheme = c.keyType, c.scheme
			r.Rotate("targets", 1, &key)
			r.SignWith("targets", r.keys("somebody")...)
			r.EditEnvelope("targets", func(envelope map[string]any) {
				message := signedBytes(t, envelope)
				var digest []byte
				if c.hash == crypto.SHA512 {
					sum := sha512.Sum512(message)
					digest = sum[:]
				} else {
					sum := sha256.Sum256(message)
					digest = sum[:]
				}
				sig, err := c.sign(digest)
				require.NoError(t, err)
				envelope["signatures"] = []any{map[string]any{"keyid": "rsa", "sig": otherSpelling(sig)}}
			})
			r.Publish()
			_, err := r.verifyTargets()
			require.ErrorIs(t, err, c.want)
		})
	}
}
