package roles_test

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
	"unicode/utf8"

	"filippo.io/mldsa/x509"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// FuzzKey checks that no key causes a panic, and that all accepted spellings of
// a key are the same key, which counts once (R-4.2.2.2 to R-4.2.2.6, R-4.3.K3,
// G8, K7).
func FuzzKey(f *testing.F) {
	for _, scheme := range builtinSchemes {
		k := verifytest.NewKey(scheme, "k")
		f.Add(k.KeyType, k.Scheme, k.Public)
		f.Add(k.Scheme, k.Scheme, "\n"+k.Public+" ")
		f.Add(k.KeyType, k.Scheme, strings.ToUpper(k.Public))
		if strings.HasPrefix(scheme, "ecdsa") {
			f.Add(k.KeyType, k.Scheme, k.HexPoint())
		}
	}
	for spelling := range 4 {
		f.Add("ed25519", "ed25519", verifytest.NewWeakKey(spelling).Public)
	}
	for _, scheme := range builtinSchemes { // a key of another kind, two blocks, and one of another type
		f.Add("ml-dsa", "ml-dsa-65/1", verifytest.NewKey(scheme, "k").Public)
		f.Add("rsa", scheme, verifytest.NewKey("rsa-pkcs1v15-sha256", "k").Public)
		f.Add("ecdsa", "ecdsa-sha2-nistp256", strings.Repeat(verifytest.NewKey(scheme, "k").Public, 2))
		f.Add("rsa", scheme, strings.ReplaceAll(verifytest.NewKey(scheme, "k").Public, "PUBLIC", "PRIVATE"))
	}
	repo := newRepository(nil)
	f.Fuzz(func(t *testing.T, keyType, scheme, public string) {
		if !utf8.ValidString(keyType) || !utf8.ValidString(scheme) || !utf8.ValidString(public) {
			return
		}
		first, key := readKey(t, repo.Repo, keyType, scheme, public)
		if key == nil {
			return
		}
		for _, again := range spellings(t, key, public) {
			role, same := readKey(t, repo.Repo, keyType, scheme, again)
			require.NotNil(t, same, "%q", again)
			require.True(t, key.Equal(same))
			require.True(t, first.Same(role), "%q and %q", public, again)
		}
	})
}

type publicKey interface {
	crypto.PublicKey
	Equal(crypto.PublicKey) bool
}

// readKey reads a key from a root that lists it for targets. It returns nil for
// an unusable key.
func readKey(t *testing.T, repo *verifytest.Repo, keyType, scheme, public string) (roles.Role, publicKey) {
	listed := *repo.Key("k")
	listed.KeyID, listed.KeyType, listed.Scheme, listed.Public = "k", keyType, scheme, public
	repo.Rotate("targets", 1, &listed)
	repo.PublishOnly("root")
	r := &repository{T: t, Repo: repo}
	root := r.mustInitialRoot()
	role, err := roles.TopLevel(root, "targets", roles.Policy{})
	require.NoError(t, err)
	k, ok := root.Content().Key("k")
	require.True(t, ok)
	key, err := k.PublicKey()
	if err != nil {
		require.ErrorIs(t, err, metadata.ErrKey)
		require.Nil(t, key)
		return role, nil
	}
	return role, key.(publicKey)
}

// spellings returns other spellings of a key.
func spellings(t *testing.T, key publicKey, public string) []string {
	if _, err := hex.DecodeString(public); err == nil {
		list := []string{strings.ToUpper(public), strings.ToLower(public)}
		if _, ok := key.(*ecdsa.PublicKey); !ok {
			return list
		}
		return append(list, armored(t, key))
	}
	text := armored(t, key)
	list := []string{text, "\n\t" + text + " \n", strings.ReplaceAll(text, "\n", "\r\n")}
	if key, ok := key.(*ecdsa.PublicKey); ok {
		point, err := key.Bytes()
		require.NoError(t, err)
		list = append(list, hex.EncodeToString(point))
	}
	return list
}

func armored(t *testing.T, key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
