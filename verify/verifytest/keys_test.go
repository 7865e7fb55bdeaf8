package verifytest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// referenceSchemes are the schemes that the reference library knows.
var referenceSchemes = []string{
	"ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsassa-pss-sha256",
}

// verifierOf reads a key's object, as listed in metadata, with the
// reference library.
func verifierOf(t testing.TB, object map[string]any) dsse.Verifier {
	t.Helper()
	key := &signerverifier.SSLibKey{
		KeyVal: signerverifier.KeyVal{Public: object["keyval"].(map[string]any)["public"].(string)},
	}
	var v dsse.Verifier
	var err error
	switch object["keytype"] {
	case "ed25519":
		v, err = signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
	case "ecdsa":
		v, err = signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
	case "rsa":
		v, err = signerverifier.NewRSAPSSSignerVerifierFromSSLibKey(key)
	}
	require.NoError(t, err)
	return v
}

// The same key signs a message in the same way. What the reference library
// knows, it verifies; package roles tests the other schemes.
func TestKeysSign(t *testing.T) {
	for _, scheme := range verifytest.Schemes() {
		t.Run(scheme, func(t *testing.T) {
			key, again := verifytest.NewKey(scheme, "a"), verifytest.NewKey(scheme, "a")
			message := []byte("message")
			sig := key.Sign(message)
			require.Equal(t, key.ID(), again.ID())
			require.Equal(t, sig, again.Sign(message))
			require.NotEqual(t, sig, again.Sign([]byte("massage")))
			require.NotEqual(t, sig, verifytest.NewKey(scheme, "b").Sign(message))
			if !slices.Contains(referenceSchemes, scheme) {
				return
			}
			v := verifierOf(t, key.Object())
			require.NoError(t, v.Verify(context.Background(), message, sig))
			require.Error(t, v.Verify(context.Background(), []byte("massage"), sig))
			other := verifierOf(t, verifytest.NewKey(scheme, "b").Object())
			require.Error(t, other.Verify(context.Background(), message, sig))
		})
	}
}

// Keys of one scheme differ by their names, and by the scheme, except that all
// RSA schemes share their keys.
func TestKeysDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, scheme := range verifytest.Schemes() {
		if strings.HasPrefix(scheme, "rsa") && scheme != "rsassa-pss-sha256" {
			continue
		}
		for _, name := range []string{"key1", "key2", "key3", "key4"} {
			public := verifytest.NewKey(scheme, name).Public
			require.False(t, seen[public], "%s %s", scheme, name)
			seen[public] = true
		}
	}
}

func TestKeyID(t *testing.T) {
	key := verifytest.NewKey("ecdsa-sha2-nistp256", "a")
	canonical, err := verifytest.Canonical(key.Object())
	require.NoError(t, err)
	sum := sha256.Sum256(canonical)
	require.Equal(t, hex.EncodeToString(sum[:]), key.ID())

	alias := *key
	alias.KeyID = "alias"
	require.Equal(t, "alias", alias.ID())
	require.Equal(t, key.Object(), alias.Object())

	twin := *key
	twin.KeyType = "ecdsa-sha2-nistp256"
	twin.Public = key.HexPoint()
	twin.Extra = map[string]any{"keyid_hash_algorithms": []any{"sha256", "sha512"}}
	require.NotEqual(t, key.ID(), twin.ID())
	require.Len(t, twin.Public, 130)
	require.Equal(t, "04", twin.Public[:2])
	require.Contains(t, twin.Object(), "keyid_hash_algorithms")
	require.Equal(t, key.Sign([]byte("m")), twin.Sign([]byte("m")))
}

func TestKeyMistakesPanic(t *testing.T) {
	require.Panics(t, func() { verifytest.NewKey("ed448", "a") })
	require.Panics(t, func() { verifytest.NewKey("ed25519", "a").HexPoint() })
	require.Panics(t, func() { new(verifytest.Key).Sign(nil) })
}
