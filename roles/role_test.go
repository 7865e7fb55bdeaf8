package roles_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// counting is a policy with two schemes of ed25519 keys that count what they
// are asked to verify.
func counting() (roles.Policy, *int) {
	tried := new(int)
	newVerifier := func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		if err == nil && len(public) != ed25519.PublicKeySize {
			err = errors.New("too short")
		}
		return countingVerifier{public, tried}, public, err
	}
	return roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{{KeyType: "future", Scheme: "1"}: newVerifier, {KeyType: "future", Scheme: "2"}: newVerifier}}, tried
}

// variant is a repository's key of the scheme "1", changed.
func (r *repository) variant(name string, change func(*verifytest.Key)) *verifytest.Key {
	k := *r.Key(name)
	k.KeyType, k.Scheme = "future", "1"
	if change != nil {
		change(&k)
	}
	return &k
}

func renamed(id string) func(*verifytest.Key) {
	return func(k *verifytest.Key) { k.KeyID = id }
}

// R-5.6.7g: a file that was opened for one role serves for another one only if
// their names, thresholds and keys are the same, whatever else is.
func TestSame(t *testing.T) {
	r := newRepository(t)
	policy, _ := counting()
	role := func(name string, threshold int, keys ...*verifytest.Key) roles.Role {
		r := newRepository(t) // in one root, an ID means one key
		r.policy = policy
		r.Rotate(name, threshold, keys...)
		r.PublishOnly("root")
		role, err := roles.TopLevel(r.mustAnchor(), name, r.policy)
		require.NoError(t, err)
		return role
	}
	a, b := r.variant("a", renamed("a")), r.variant("b", renamed("b"))
	first := role("targets", 2, a, b)
	require.True(t, first.Same(first))
	require.True(t, first.Same(role("targets", 2, a, b)))
	for name, other := range map[string]roles.Role{
		"another name":                 role("snapshot", 2, a, b),
		"another threshold":            role("targets", 1, a, b),
		"a key less":                   role("targets", 2, a),
		"another key":                  role("targets", 2, a, r.variant("c", renamed("c"))),
		"another key under the old ID": role("targets", 2, a, r.variant("c", renamed("b"))),
		"the old key under another ID": role("targets", 2, a, r.variant("b", renamed("c"))),
		"the old key in another scheme": role("targets", 2, a, r.variant("b", func(k *verifytest.Key) {
			k.KeyID, k.Scheme = "b", "2"
		})),
		"no role": {},
	} {
		require.False(t, first.Same(other), name)
		require.False(t, other.Same(first), name)
	}
	require.False(t, roles.Role{}.Same(roles.Role{}))

	builtin := func(name string) *verifytest.Key {
		k := *r.Key(name)
		k.KeyID = "the ID"
		return &k
	}
	require.True(t, role("targets", 1, builtin("a")).Same(role("targets", 1, builtin("a"))))
	require.False(t, role("targets", 1, builtin("a")).Same(role("targets", 1, builtin("b"))), "another key of a built-in scheme under the old ID")
}

// threshold opens the targets file, which lacks signatures, and returns what is
// said of that.
func (r *repository) threshold() *roles.ThresholdError {
	r.Helper()
	_, err := r.openTargets()
	var e *roles.ThresholdError
	require.ErrorAs(r, err, &e)
	return e
}

// A ThresholdError counts what there is, and names the first few of many.
func TestThresholdErrorIsExact(t *testing.T) {
	r := newRepository(t)
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprint("key ", i))
	}
	r.Rotate("targets", 12, r.keys(names...)...)
	r.SignWith("targets", r.keys("stranger", "another", "key 0", "key 11")...)
	r.Publish()
	e := r.threshold()
	require.EqualValues(t, 2, e.Valid)
	require.Equal(t, 2, e.Strangers)
	require.Empty(t, e.Wrong)
	require.Equal(t, "targets: not enough signatures: want 12, found 2", e.Error(), "strangers are of interest if there is nobody else")

	r.SignWith("targets", r.keys(append(names, "stranger")...)...)
	editSignatures(r, func(list []any) []any {
		for _, s := range list[:12] {
			s.(map[string]any)["sig"] = strings.Repeat("00", 64)
		}
		return list
	})
	e = r.threshold()
	require.Zero(t, e.Valid)
	require.Len(t, e.Wrong, 8)
	require.Equal(t, 1, e.Strangers)
	require.NotContains(t, e.Error(), "other keys")

	editSignatures(r, func(list []any) []any { return list[12:] })
	require.Equal(t, "targets: not enough signatures: want 12, found 0; found signatures by 1 other keys", r.threshold().Error())
	editSignatures(r, func([]any) []any { return []any{} })
	require.Equal(t, "targets: not enough signatures: want 12, found 0", r.threshold().Error())
}

// R-4.2.2.6, R-4.3.K4: a key that cannot sign is told of once, and counts for
// nothing, not even for a signature without a key ID.
func TestUnusableKeys(t *testing.T) {
	r := newRepository(t)
	var unusable []*verifytest.Key
	for i := range 12 {
		unusable = append(unusable, r.variant(fmt.Sprint(i), nil))
	}
	r.Rotate("targets", 1, unusable[:2]...)
	r.Edit("root", func(signed map[string]any) {
		role := signed["roles"].(map[string]any)["targets"].(map[string]any)
		role["keyids"] = append(role["keyids"].([]any), "missing")
	})
	editSignatures(r, func(list []any) []any {
		return append(list, map[string]any{"keyid": "", "sig": strings.Repeat("00", 64)})
	})
	e := r.threshold()
	require.Len(t, e.Unusable, 3)
	require.Equal(t, 3, e.Strangers)

	r.Edit("root", nil)
	r.Rotate("targets", 1, unusable...)
	r.PublishOnly("root")
	require.Len(t, r.threshold().Unusable, 8, "the first few of many")
}

// Zero roles accept nothing, in whatever way they are asked, and say that at
// least one signature is needed.
func TestZeroRole(t *testing.T) {
	r := newRepository(t)
	env := parse[metadata.Targets](r, "targets")
	for _, open := range []func(*metadata.Envelope[metadata.Targets], roles.Role) (roles.Trusted[metadata.Targets], error){
		roles.Verify[metadata.Targets], roles.VerifyAnyKeyID[metadata.Targets],
	} {
		_, err := open(env, roles.Role{})
		var e *roles.ThresholdError
		require.ErrorAs(t, err, &e)
		require.EqualValues(t, 1, e.Threshold)
	}
	_, err := roles.TopLevel(r.mustAnchor(), "mirrors", roles.Policy{})
	require.EqualError(t, err, `role is not delegated: "mirrors" by root`)
}

// K10: no signature is verified that cannot change anything: the second one of
// a key, or what is none.
func TestNothingIsVerifiedInVain(t *testing.T) {
	r := newRepository(t)
	var tried *int
	r.policy, tried = counting()
	a, b := r.variant("a", renamed("a")), r.variant("b", renamed("b"))
	r.Rotate("targets", 2, a, r.variant("a", renamed("again")))
	r.Publish()
	require.EqualValues(t, 1, r.threshold().Valid)
	require.Equal(t, 1, *tried)

	r.Rotate("targets", 1, a)
	editSignatures(r, func(list []any) []any {
		return []any{map[string]any{"keyid": "a", "sig": ""}}
	})
	*tried = 0
	r.threshold()
	require.Zero(t, *tried)

	// Decision 7: with any ID, each signature is tried with the keys that are
	// still to sign, but for the one that it names.
	r.EditEnvelope("targets", nil)
	r.Rotate("targets", 2, a, b)
	r.SignWith("targets", a, b)
	r.Publish()
	env := parse[metadata.Targets](r, "targets")
	recognize := func(keys ...*verifytest.Key) error {
		r.Rotate("targets", 2, keys...)
		r.PublishOnly("root")
		role, err := roles.TopLevel(r.mustAnchor(), "targets", r.policy)
		require.NoError(t, err)
		*tried = 0
		_, err = roles.VerifyAnyKeyID(env, role)
		return err
	}
	require.NoError(t, recognize(r.variant("a", renamed("x")), r.variant("b", renamed("y"))))
	require.Equal(t, 3, *tried)
	require.NoError(t, recognize(a, r.variant("b", renamed("y"))))
	require.Equal(t, 3, *tried, "one by its ID, then both for the other")
	require.ErrorIs(t, recognize(a, r.variant("c", renamed("b"))), roles.ErrThreshold)
	require.Equal(t, 3, *tried, "not a second time for the key that it names")
}

// Policy.Schemes: none of the built-in schemes can be had for a key that it
// would refuse.
func TestBuiltInSchemesCannotBeReplaced(t *testing.T) {
	for _, scheme := range []string{"ed25519", "rsassa-pss-sha256", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"} {
		r := newRepository(t)
		r.policy.Schemes = map[roles.Scheme]roles.NewVerifier{{KeyType: "own", Scheme: scheme}: func(k metadata.Key) (roles.Verifier, []byte, error) {
			public, err := hex.DecodeString(k.Public)
			return countingVerifier{public, new(int)}, public, err
		}}
		r.Rotate("targets", 1, r.variant("a", func(k *verifytest.Key) { k.KeyType, k.Scheme = "own", scheme }))
		r.Publish()
		require.ErrorContains(t, r.threshold(), `key type "own" with scheme "`+scheme+`" is not supported`)
	}
}
