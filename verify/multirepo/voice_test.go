package multirepo

import (
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// voiceWith returns the voice of a root with these root keys.
func voiceWith(t *testing.T, keys ...*verifytest.Key) string {
	repo := verifytest.New(verifytest.Options{})
	repo.Rotate("root", 1, keys...)
	repo.Publish()
	env, err := metadata.Parse[metadata.Root](repo.Metadata()["2.root.json"], metadata.Options{})
	require.NoError(t, err)
	root, err := env.Unverified()
	require.NoError(t, err)
	postQuantum := func(k metadata.Key) (roles.Verifier, []byte, error) { return nil, []byte(k.Public), nil }
	refused := func(k metadata.Key) (roles.Verifier, []byte, error) {
		return nil, []byte(k.Public), errors.New("wrong size")
	}
	return rootKeysOf(root, roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{
		{KeyType: "post-quantum", Scheme: "x"}: postQuantum, {KeyType: "post-quantum", Scheme: "y"}: postQuantum,
		{KeyType: "post-quantum", Scheme: "refused"}: refused,
	}})
}

// One voice: it goes by the key material of root keys that can be used, in
// whatever order and spelling.
func TestVoices(t *testing.T) {
	a, b := verifytest.NewKey("ed25519", "a"), verifytest.NewKey("ecdsa-sha2-nistp256", "b")
	spelled := *b
	spelled.KeyType, spelled.Extra = "ecdsa-sha2-nistp256", map[string]any{"comment": "x"}
	odd := func(scheme string) *verifytest.Key {
		k := *verifytest.NewKey("ed25519", scheme)
		k.KeyType, k.Scheme = "post-quantum", scheme
		return &k
	}
	require.Equal(t, voiceWith(t, a, b), voiceWith(t, b, a))
	require.Equal(t, voiceWith(t, a, b), voiceWith(t, a, &spelled))
	require.Equal(t, voiceWith(t, b), voiceWith(t, b, &spelled))
	require.Equal(t, voiceWith(t, a), voiceWith(t, a, odd("z")), "a key of no use makes no other voice")
	require.Equal(t, voiceWith(t, a), voiceWith(t, a, odd("refused")), "nor does one that the policy knows and refuses")
	require.NotEqual(t, voiceWith(t, a), voiceWith(t, b))
	require.NotEqual(t, voiceWith(t, a), voiceWith(t, a, b))
	require.NotEqual(t, voiceWith(t, odd("x")), voiceWith(t, odd("y")))
	require.NotEqual(t, voiceWith(t, a), voiceWith(t, a, odd("x")), "the policy knows the key")
	commented := odd("x")
	commented.Extra = map[string]any{"comment": "x"}
	require.Equal(t, voiceWith(t, odd("x")), voiceWith(t, commented), "in whatever spelling")
	require.Equal(t, voiceWith(t, odd("x")), voiceWith(t, odd("x"), odd("z")))
}

// A key ID without a key makes no other voice: whoever holds the same keys
// cannot have two voices by listing one.
func TestVoiceOfAKeyIDWithoutAKey(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	read := func(data []byte) *metadata.Root {
		env, err := metadata.Parse[metadata.Root](data, metadata.Options{})
		require.NoError(t, err)
		root, err := env.Unverified()
		require.NoError(t, err)
		return root
	}
	whole := read(repo.TrustedRoot())
	more := regexp.MustCompile(`("root":\s*\{\s*"keyids":\s*\[)`).ReplaceAll(repo.TrustedRoot(), []byte(`$1"nobody's",`))
	signers, ok := read(more).Role("root")
	require.True(t, ok)
	require.Contains(t, slices.Collect(signers.KeyIDs()), "nobody's")
	require.Equal(t, rootKeysOf(whole, roles.Policy{}), rootKeysOf(read(more), roles.Policy{}))
}
