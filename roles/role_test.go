package roles_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.6.7g: roles are the same only if their names, thresholds and keys are.
func TestSame(t *testing.T) {
	r := newRepository(t)
	policy, _ := futurePolicy()
	role := func(name string, threshold int, keys ...*verifytest.Key) roles.Role {
		r := newRepository(t) // a new root, where the IDs may mean other keys
		r.policy = policy
		r.Rotate(name, threshold, keys...)
		r.PublishOnly("root")
		role, err := roles.TopLevel(r.mustInitialRoot(), name, r.policy)
		require.NoError(t, err)
		return role
	}
	a, b := r.futureKey("a", renamed("a")), r.futureKey("b", renamed("b"))
	first := role("targets", 2, a, b)
	require.True(t, first.Same(first))
	require.True(t, first.Same(role("targets", 2, a, b)))
	for name, other := range map[string]roles.Role{
		"another name":                 role("snapshot", 2, a, b),
		"another threshold":            role("targets", 1, a, b),
		"a key less":                   role("targets", 2, a),
		"another key":                  role("targets", 2, a, r.futureKey("c", renamed("c"))),
		"another key under the old ID": role("targets", 2, a, r.futureKey("c", renamed("b"))),
		"the old key under another ID": role("targets", 2, a, r.futureKey("b", renamed("c"))),
		"the old key in another scheme": role("targets", 2, a, r.futureKey("b", func(k *verifytest.Key) {
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
	require.False(t, role("targets", 1, builtin("a")).Same(role("targets", 1, builtin("b"))),
		"another key of a built-in scheme under the old ID")

	rsa := func(scheme string) *verifytest.Key {
		k := *verifytest.NewKey(scheme, "a")
		k.KeyID = "the ID"
		return &k
	}
	require.True(t, role("targets", 1, rsa("rsassa-pss-sha256")).Same(role("targets", 1, rsa("rsassa-pss-sha256"))))
	require.False(t, role("targets", 1, rsa("rsassa-pss-sha256")).Same(role("targets", 1, rsa("rsassa-pss-sha512"))),
		"the old key in another built-in scheme")
}

// The zero Role accepts no file, and its error says that one signature is
// needed.
func TestZeroRole(t *testing.T) {
	r := newRepository(t)
	env := parse[metadata.Targets](r, "targets")
	var e *roles.ThresholdError
	_, err := roles.Verify(env, roles.Role{})
	require.ErrorAs(t, err, &e)
	require.EqualValues(t, 1, e.Threshold)
	_, err = roles.VerifyAnyKeyID(env, roles.Role{})
	require.ErrorAs(t, err, &e)
	require.EqualValues(t, 1, e.Threshold)
	_, err = roles.TopLevel(r.mustInitialRoot(), "mirrors", roles.Policy{})
	require.EqualError(t, err, `role is not delegated: "mirrors" by root`)
}

// R-T15.4, R-5.6.3 (GHSA-77hh-43cm-v8j6): a role must have the given position
// and name in the delegator's list.
func TestDelegated(t *testing.T) {
	r := newRepository(t)
	a := r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
	r.Targets().Delegate(verifytest.Delegation{Name: "b", Paths: []string{"*"}})
	a.DelegateSuccinct("bin", 2)
	r.Publish()
	targets := r.mustVerifyTargets()
	role, err := roles.Delegated(targets, 0, "a", r.policy)
	require.NoError(t, err)
	require.Equal(t, "a", role.Name())
	file, err := roles.Verify(parse[metadata.Targets](r, "a"), role)
	require.NoError(t, err)
	_, err = roles.Verify(parse[metadata.Targets](r, "b"), role)
	require.ErrorIs(t, err, roles.ErrThreshold, "b's keys are not a's")
	for position, name := range map[int]string{0: "b", 1: "a", 2: "a", -1: "a"} {
		_, err = roles.Delegated(targets, position, name, r.policy)
		require.ErrorIs(t, err, roles.ErrDelegation)
		require.ErrorContains(t, err, "by targets")
	}
	bin, err := roles.Delegated(file, -1, "bin-3", r.policy)
	require.NoError(t, err)
	_, err = roles.Verify(parse[metadata.Targets](r, "bin-3"), bin)
	require.NoError(t, err)
	for _, name := range []string{"bin-4", "bin-03", "other", "a"} {
		_, err = roles.Delegated(file, 0, name, r.policy)
		require.ErrorIs(t, err, roles.ErrDelegation, name)
	}
	binFile, err := roles.Verify(parse[metadata.Targets](r, "bin-3"), bin)
	require.NoError(t, err)
	_, err = roles.Delegated(binFile, 0, "x", r.policy)
	require.ErrorIs(t, err, roles.ErrDelegation, "a role without delegations")
}

// No function accepts a zero value (CVE-2026-23992).
func TestZeroValues(t *testing.T) {
	r := newRepository(t)
	env := parse[metadata.Targets](r, "targets")
	_, err := roles.Verify(env, roles.Role{})
	require.ErrorIs(t, err, roles.ErrThreshold)
	_, err = roles.TopLevel(roles.Trusted[metadata.Root]{}, "targets", roles.Policy{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.Delegated(roles.Trusted[metadata.Targets]{}, 0, "a", roles.Policy{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.VerifyAs(roles.Trusted[metadata.Targets]{}, roles.Role{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.VerifyNextRoot(roles.Trusted[metadata.Root]{}, parse[metadata.Root](r, "root"), roles.Policy{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.NewerTimestamp(roles.Trusted[metadata.Timestamp]{}, roles.Trusted[metadata.Timestamp]{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	none := roles.Trusted[metadata.Snapshot]{}
	err = roles.CheckSnapshot(none, none, metadata.MetaFile{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	err = roles.CheckTargets(roles.Trusted[metadata.Targets]{}, metadata.MetaFile{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	err = roles.CheckFile("x", []byte("y"), metadata.MetaFile{}, roles.Policy{})
	require.ErrorIs(t, err, roles.ErrLength)
	role, err := roles.TopLevel(r.mustInitialRoot(), "targets", roles.Policy{})
	require.NoError(t, err)
	_, err = roles.Verify(new(metadata.Envelope[metadata.Targets]), role)
	require.ErrorIs(t, err, roles.ErrThreshold)
	_, err = roles.TopLevel(r.mustInitialRoot(), "mirrors", roles.Policy{})
	require.ErrorIs(t, err, roles.ErrDelegation)
}
