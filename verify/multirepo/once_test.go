package multirepo_test

import (
	"crypto/sha512"
	"hash"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Work that is done once, however many repositories or lookups there are.

// counting is a policy under which it is counted how often a hash is begun and a key of no built-in scheme is read.
func counting(hashes, keys *int) *verify.Options {
	return &verify.Options{Policy: roles.Policy{
		Hashes: map[string]func() hash.Hash{"sha384": func() hash.Hash { *hashes++; return sha512.New384() }},
		Schemes: map[roles.Scheme]roles.NewVerifier{{KeyType: "post-quantum", Scheme: "x"}: func(k metadata.Key) (roles.Verifier, []byte, error) {
			*keys++
			return nil, []byte(k.Public), nil
		}},
	}}
}

// Those who agree say the same, and a file is hashed once for all of them.
func TestFilesAreHashedOnce(t *testing.T) {
	hashes, keys := 0, 0
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		repo := w.add(name, verifytest.Options{Hashes: []string{"sha384"}}, files{"x": "same"})
		w.start[name] = multirepo.Repository{Anchor: repo.Anchor(), Options: counting(&hashes, &keys)}
	}
	w.entry("*", "a,b,c", 3, true)
	target, _, err := w.find("x")
	require.NoError(t, err)
	hashes = 0
	require.NotNil(t, target.Verifier())
	require.Equal(t, 1, hashes)
}

// Whose voice it is, is found out once for each root and not for each lookup.
func TestRootsAreReadOnce(t *testing.T) {
	hashes, keys := 0, 0
	w := newWorld(t)
	repo := w.add("a", plain, files{"x": "x", "y": "y"})
	odd := *verifytest.NewKey("ed25519", "odd")
	odd.KeyType, odd.Scheme = "post-quantum", "x"
	repo.Rotate("root", 1, repo.Key("root"), &odd)
	repo.Publish()
	w.start["a"] = multirepo.Repository{Anchor: repo.Anchor(), Options: counting(&hashes, &keys)}
	w.entry("*", "a", 1, true)
	g := w.group()
	g.Find("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	require.Positive(t, keys)
	before := keys
	l := g.Find("y")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, before, keys)
}
