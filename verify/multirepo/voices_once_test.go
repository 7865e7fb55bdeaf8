package multirepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Whose voice it is, is found out once for each root and not for each lookup.
func TestRootsAreReadOnce(t *testing.T) {
	keys := 0
	policy := roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{{KeyType: "post-quantum", Scheme: "x"}: func(k metadata.Key) (roles.Verifier, []byte, error) {
		keys++
		return nil, []byte(k.Public), nil
	}}}
	w := newWorld(t)
	repo := w.add("a", plain, files{"x": "x", "y": "y"})
	odd := *verifytest.NewKey("ed25519", "odd")
	odd.KeyType, odd.Scheme = "post-quantum", "x"
	repo.Rotate("root", 1, repo.Key("root"), &odd)
	repo.Publish()
	w.start["a"] = multirepo.Repository{TrustedRoot: repo.TrustedRoot(), Options: verify.Options{Policy: policy}}
	w.entry("*", "a", 1, true)
	g := w.group()
	g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	require.Positive(t, keys)
	before := keys
	l := g.Lookup("y")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, before, keys)
}
