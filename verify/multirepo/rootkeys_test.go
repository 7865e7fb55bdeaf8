package multirepo

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// rootKeysWith returns the text for a root with these root keys.
func rootKeysWith(t *testing.T, keys ...*verifytest.Key) string {
	repo := verifytest.New(verifytest.Options{})
	repo.Rotate("root", 1, keys...)
	repo.Publish()
	postQuantum := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		return acceptsAll{}, []byte(k.Public), nil
	}
	noVerifier := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		return nil, []byte(k.Public), nil
	}
	noMaterial := func(metadata.Key) (roles.SignatureVerifier, []byte, error) { return acceptsAll{}, nil, nil }
	refused := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		return nil, []byte(k.Public), errors.New("wrong size")
	}
	return rootKeysIn(t, repo, roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "post-quantum", Scheme: "x"}:           postQuantum,
		{KeyType: "post-quantum", Scheme: "y"}:           postQuantum,
		{KeyType: "post-quantum", Scheme: "refused"}:     refused,
		{KeyType: "post-quantum", Scheme: "no verifier"}: noVerifier,
		{KeyType: "post-quantum", Scheme: "no material"}: noMaterial,
	}})
}

func newestRoot(repo *verifytest.Repo) []byte {
	return repo.Metadata()[repo.FileName(metadata.RoleRoot)]
}

// rootKeysIn returns the text for the newest root.
func rootKeysIn(t *testing.T, repo *verifytest.Repo, p roles.Policy) string {
	env, err := metadata.Parse[metadata.Root](newestRoot(repo), metadata.Options{})
	require.NoError(t, err)
	root, err := roles.VerifyInitialRoot(env, p)
	require.NoError(t, err)
	role, err := roles.TopLevel(root, metadata.RoleRoot, p)
	require.NoError(t, err)
	return rootKeysOf(role)
}

type acceptsAll struct{}

func (acceptsAll) Verify(_, _ []byte) error { return nil }

// Root keys that can be used are compared by their key material, in any order
// and encoding.
func TestRootKeys(t *testing.T) {
	a, b := verifytest.NewKey("ed25519", "a"), verifytest.NewKey("ecdsa-sha2-nistp256", "b")
	encoded := *b
	encoded.KeyType, encoded.Extra = "ecdsa-sha2-nistp256", map[string]any{"comment": "x"}
	odd := func(scheme string) *verifytest.Key {
		k := *verifytest.NewKey("ed25519", scheme)
		k.KeyType, k.Scheme = "post-quantum", scheme
		return &k
	}
	require.Equal(t, rootKeysWith(t, a, b), rootKeysWith(t, b, a))
	require.Equal(t, rootKeysWith(t, a, b), rootKeysWith(t, a, &encoded))
	require.Equal(t, rootKeysWith(t, b), rootKeysWith(t, b, &encoded))
	require.NotEqual(t, rootKeysWith(t, a), rootKeysWith(t, b))
	require.NotEqual(t, rootKeysWith(t, a), rootKeysWith(t, a, b))

	// A key that cannot be used makes no difference, whether the policy knows
	// its scheme and refuses it or does not know it.
	for _, scheme := range []string{"z", "refused", "no verifier", "no material"} {
		require.Equal(t, rootKeysWith(t, a), rootKeysWith(t, a, odd(scheme)), scheme)
	}
	require.NotEqual(t, rootKeysWith(t, odd("x")), rootKeysWith(t, odd("y")))
	require.NotEqual(t, rootKeysWith(t, a), rootKeysWith(t, a, odd("x")))
	commented := odd("x")
	commented.Extra = map[string]any{"comment": "x"}
	require.Equal(t, rootKeysWith(t, odd("x")), rootKeysWith(t, commented), "in any encoding")
	require.Equal(t, rootKeysWith(t, odd("x")), rootKeysWith(t, odd("x"), odd("z")))
}

// A key ID without a key makes no difference. Otherwise anyone who has the keys
// of one repository could count twice by listing such an ID.
func TestRootKeysWithoutAKeyForAnID(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	whole := rootKeysIn(t, repo, roles.Policy{})
	repo.Edit(metadata.RoleRoot, func(signed map[string]any) {
		role := signed["roles"].(map[string]any)[metadata.RoleRoot].(map[string]any)
		role["keyids"] = append([]any{"unknown"}, role["keyids"].([]any)...)
	})
	repo.Publish()
	require.Contains(t, string(newestRoot(repo)), "unknown")
	require.Equal(t, whole, rootKeysIn(t, repo, roles.Policy{}))
}
