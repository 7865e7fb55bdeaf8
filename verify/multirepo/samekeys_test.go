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

// One voice: two repositories with the same root keys count once towards the
// threshold.
func TestSameRootKeysCountOnce(t *testing.T) {
	w := newWorld(t)
	w.add("index", verifytest.Options{Seed: "one"}, files{"x": "evil", "y": "good"})
	w.add("index-mirror", verifytest.Options{Seed: "one"}, files{"x": "evil", "y": "good"})
	w.add("other", plain, files{"y": "good"})
	w.entry("y,x", "index,index-mirror,other", 2, false)
	w.mustFind("y", "good", "index", "index-mirror", "other")
	l := w.mustFail("x", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{lists, lists, noTarget}, outcomes(l))

	// With a threshold of 1, either is enough.
	w.entries = nil
	w.entry("*", "index,index-mirror", 1, false)
	w.down["index"] = true
	w.mustFind("x", "evil", "index-mirror")

	// A threshold that cannot be reached is an error of New. An initial root of
	// another version makes no difference.
	later := w.repos["index-mirror"]
	later.Touch("root")
	later.Publish()
	w.start["index-mirror"] = multirepo.Repository{TrustedRoot: later.Metadata()["2.root.json"]}
	w.entries = nil
	w.entry("*", "index,index-mirror", 2, false)
	_, err := multirepo.New(w.theMap(), w.start, w.now(), multirepo.Options{})
	require.ErrorIs(t, err, multirepo.ErrMap)
	require.EqualError(t, err,
		"map and repositories do not fit: mapping[0] needs 2 repositories with different root keys, and has 1")
}

// Two repositories with different initial root keys count once when both have
// rotated to the same keys.
func TestRootKeysOfTheNewestRootsCount(t *testing.T) {
	w := newWorld(t)
	a, b := w.add("a", plain, files{"x": "same"}), w.add("b", plain, files{"x": "same"})
	w.entry("*", "a,b", 2, false)
	w.mustFind("x", "same", "a", "b")
	b.Rotate("root", 1, b.Key("root"), a.Key("root"))
	b.Publish()
	w.mustFind("x", "same", "a", "b") // they have some keys in common, not all
	renamed := *a.Key("root")
	renamed.KeyID = "another name"
	b.Rotate("root", 1, &renamed)
	b.Publish()
	l := w.mustFail("x", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{lists, lists}, outcomes(l))
}

// The root keys are read once for each root, and not for each lookup.
func TestRootKeysAreReadOnceForEachRoot(t *testing.T) {
	keys := 0
	count := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		keys++
		return nil, []byte(k.Public), nil
	}
	policy := roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "post-quantum", Scheme: "x"}: count,
	}}
	w := newWorld(t)
	repo := w.add("a", plain, files{"x": "x", "y": "y"})
	odd := *verifytest.NewKey("ed25519", "odd")
	odd.KeyType, odd.Scheme = "post-quantum", "x"
	repo.Rotate("root", 1, repo.Key("root"), &odd)
	repo.Publish()
	w.setOptions(verify.Options{Policy: policy})
	w.entry("*", "a", 1, true)
	g := w.group()
	g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	require.Positive(t, keys)
	before := keys
	l := g.Lookup("y")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, before, keys)
}
