package roles_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.6.7g, CVE-2025-2886: a file that one delegator's keys opened needs the
// signatures that the next one asks for, under the IDs that it uses.
func TestReopen(t *testing.T) {
	r := newRepository(t)
	key := *r.Key("k")
	key.KeyID = "renamed"
	for name, k := range map[string]*verifytest.Key{"a": r.Key("k"), "b": r.Key("k"), "c": &key, "d": r.Key("other")} {
		r.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}, Keys: []*verifytest.Key{k}})
	}
	r.Publish()
	targets := r.mustOpenTargets()
	role := func(name string) roles.Role {
		for i := range 4 {
			if role, err := roles.Delegated(targets, i, name, r.policy); err == nil {
				return role
			}
		}
		t.Fatal(name)
		return roles.Role{}
	}
	file, err := roles.Verify(parse[metadata.Targets](r, "a"), role("a"))
	require.NoError(t, err)
	again, err := roles.VerifyAs(file, role("b"))
	require.NoError(t, err)
	require.Equal(t, "b", again.Name())
	require.Equal(t, file.Content(), again.Content())
	require.False(t, again.SameContent(file), "as another role")
	for _, name := range []string{"c", "d"} {
		none, err := roles.VerifyAs(file, role(name))
		require.ErrorIs(t, err, roles.ErrThreshold)
		require.Nil(t, none.Content())
	}
}

// R-5.3.4a, R-5.3.4b: in a root, as elsewhere, a signature counts only
// under the ID that the key has there.
func TestRootSignaturesCountByID(t *testing.T) {
	first := newRepository(t).mustAnchor()
	old, next := newRepository(t).Key("root").ID(), newRepository(t).Key("next").ID()
	for _, c := range []struct {
		renamed   string
		own, both error
	}{
		{"", nil, nil},
		{old, nil, roles.ErrThreshold},
		{next, roles.ErrThreshold, roles.ErrThreshold},
	} {
		r := newRepository(t)
		r.Rotate("root", 1, r.Key("next"))
		r.EditEnvelope("root", func(envelope map[string]any) {
			for _, s := range envelope["signatures"].([]any) {
				if s := s.(map[string]any); s["keyid"] == c.renamed {
					s["keyid"] = "another"
				}
			}
		})
		r.PublishOnly("root")
		_, err := r.anchor()
		require.ErrorIs(t, err, c.own)
		_, err = r.next(first)
		require.ErrorIs(t, err, c.both)
	}
}

// .K1: strict key IDs are nothing to files without keys.
func TestStrictKeyIDsOfFilesWithoutKeys(t *testing.T) {
	r := newRepository(t)
	r.policy.StrictKeyIDs = true
	r.mustOpenTargets()
	_, err := openAs[metadata.Timestamp](r, "timestamp")
	require.NoError(t, err)
	_, err = openAs[metadata.Snapshot](r, "snapshot")
	require.NoError(t, err)
}

// Decision 6: edges are told apart by content.
func TestSameContent(t *testing.T) {
	r := newRepository(t)
	none := roles.Trusted[metadata.Targets]{}
	first := r.mustOpenTargets()
	require.True(t, first.SameContent(first))
	require.True(t, first.SameContent(r.mustOpenTargets()), "opened twice")
	require.False(t, first.SameContent(none))
	require.False(t, none.SameContent(first))
	require.False(t, none.SameContent(none))
	r.Touch("targets")
	r.PublishOnly("targets")
	second := r.mustOpenTargets()
	require.False(t, first.SameContent(second))
}
