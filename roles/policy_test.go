package roles_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// .K1: the strict options refuse what is accepted by default.
func TestStrictPolicy(t *testing.T) {
	for _, expires := range []string{
		"2031-01-01T00:00:00.000Z", "2031-01-01T00:00:00+00:00", "2031-01-01T01:00:00+01:00",
	} {
		r := newRepository(t)
		r.Edit("targets", func(signed map[string]any) { signed["expires"] = expires })
		r.Publish()
		r.mustVerifyTargets()
		r.policy.StrictTimes = true
		_, err := r.verifyTargets()
		require.ErrorIs(t, err, roles.ErrPolicy)
		require.ErrorContains(t, err, expires)
	}
	r := newRepository(t)
	r.policy = roles.Policy{StrictTimes: true, StrictKeyIDs: true}
	r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a"}})
	r.Publish()
	r.mustVerifyTargets()
	odd := *r.Key("odd")
	odd.KeyID = "odd"
	r.Targets().Delegate(verifytest.Delegation{Name: "b", Paths: []string{"b"}, Keys: []*verifytest.Key{&odd}})
	r.Publish()
	_, err := r.verifyTargets()
	require.ErrorIs(t, err, roles.ErrPolicy)
	require.ErrorContains(t, err, `targets version 3: refused by policy: found key ID "odd", want `)
	r.policy.StrictKeyIDs = false
	r.mustVerifyTargets()
	r.Rotate("snapshot", 1, &odd)
	r.PublishOnly("root")
	r.mustInitialRoot()
	r.policy.StrictKeyIDs = true
	_, err = r.initialRoot()
	require.ErrorIs(t, err, roles.ErrPolicy)
}

// .K1: strict key IDs do not affect files without keys.
func TestStrictKeyIDsOfFilesWithoutKeys(t *testing.T) {
	r := newRepository(t)
	r.policy.StrictKeyIDs = true
	r.mustVerifyTargets()
	_, err := verifyFile[metadata.Timestamp](r, "timestamp")
	require.NoError(t, err)
	_, err = verifyFile[metadata.Snapshot](r, "snapshot")
	require.NoError(t, err)
}

// Policy.AllowedSchemes: keys of other schemes are unusable, built in or added,
// in every file, and the error says so.
func TestAllowedSchemes(t *testing.T) {
	r := newRepository(t)
	policy, _ := futurePolicy()
	future, ed, ec := r.futureKey("f", nil), r.Key("e"), verifytest.NewKey("ecdsa-sha2-nistp256", "c")
	r.Rotate("targets", 1, future, ed, ec)
	r.Publish()
	sign := func(k *verifytest.Key) {
		r.SignWith("targets", k)
		r.Publish()
	}
	for _, c := range []struct {
		allowed []string
		signer  *verifytest.Key
		want    string // of the error; empty if there is none
	}{
		{nil, future, ""},
		{nil, ec, ""},
		{[]string{"ed25519"}, ed, ""},
		{[]string{"ed25519"}, ec, `scheme "ecdsa-sha2-nistp256" is not allowed by the policy`},
		{[]string{"ed25519"}, future, `scheme "1" is not allowed by the policy`},
		{[]string{"ed25519", "1"}, future, ""},
		{[]string{"ed25519", "ecdsa-sha2-nistp256"}, ec, ""},
		{[]string{"ed25519", "ecdsa-sha2-nistp384"}, ec, `scheme "ecdsa-sha2-nistp256" is not allowed by the policy`},
		{[]string{"ed25519", "unknown"}, ed, ""},
	} {
		r.policy = policy
		r.policy.AllowedSchemes = c.allowed
		sign(c.signer)
		_, err := r.verifyTargets()
		if c.want == "" {
			require.NoError(t, err, c)
			continue
		}
		require.ErrorIs(t, err, roles.ErrThreshold)
		require.ErrorContains(t, err, c.want)
	}
	for _, allowed := range [][]string{{}, {"ecdsa-sha2-nistp256"}, {"Ed25519"}} {
		r.policy.AllowedSchemes = allowed
		_, err := r.initialRoot()
		require.ErrorIs(t, err, roles.ErrThreshold, "the root's keys are ed25519")
		require.ErrorContains(t, err, `scheme "ed25519" is not allowed by the policy`)
		_, err = r.policy.Material(metadata.Key{Type: ed.KeyType, Scheme: ed.Scheme, Public: ed.Public})
		require.ErrorIs(t, err, metadata.ErrKey)
	}
}
