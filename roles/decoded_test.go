package roles_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-4.2.2.1, R-4.3.K3: a policy with a memory makes the same of every key,
// whatever it has decoded before: also of keys that differ in one member, and
// of so many that some are forgotten.
func TestRememberingChangesNothing(t *testing.T) {
	rsa, ed := verifytest.NewKey("rsassa-pss-sha256", "k"), verifytest.NewKey("ed25519", "k")
	ec := verifytest.NewKey("ecdsa-sha2-nistp256", "k")
	list := []metadata.Key{
		{ID: "a", Type: "rsa", Scheme: "rsassa-pss-sha256", Public: rsa.Public},
		{ID: "a", Type: "rsa", Scheme: "rsa-pkcs1v15-sha256", Public: rsa.Public},
		{ID: "a", Type: "ecdsa", Scheme: "rsassa-pss-sha256", Public: rsa.Public},
		{ID: "b", Type: "rsa", Scheme: "rsassa-pss-sha256", Public: rsa.Public + "\n"},
		{ID: "b", Type: "ed25519", Scheme: "ed25519", Public: ed.Public},
		{ID: "b", Type: "ed25519", Scheme: "ed25519", Public: strings.ToUpper(ed.Public)},
		{ID: "b", Type: "ed25519", Scheme: "ed25519", Public: ed.Public[1:]},
		{ID: "c", Type: "ecdsa", Scheme: "ecdsa-sha2-nistp256", Public: ec.Public},
		{ID: "c", Type: "ecdsa", Scheme: "ecdsa-sha2-nistp384", Public: ec.Public},
		{ID: "c", Type: "ecdsa-sha2-nistp256", Scheme: "ecdsa-sha2-nistp256", Public: ec.HexPoint()},
	}
	for i := range 600 {
		k := verifytest.NewKey("ed25519", fmt.Sprint(i))
		list = append(list, metadata.Key{ID: "x", Type: "ed25519", Scheme: "ed25519", Public: k.Public})
	}
	plain := roles.Policy{}
	remembering := plain.Remembering()
	for range 2 {
		for i, k := range list {
			want, wantErr := plain.Material(k)
			got, err := remembering.Material(k)
			require.Equal(t, want, got, i)
			require.Equal(t, wantErr, err, i)
		}
	}
	remembering.AllowedSchemes = []string{"rsassa-pss-sha256"}
	_, err := remembering.Material(list[4])
	require.ErrorIs(t, err, metadata.ErrKey, "it was decoded, but is not allowed any more")
}

// A role has each key under the ID that its own file lists, also if it was
// decoded for another file.
func TestRememberedKeysHaveTheirOwnIDs(t *testing.T) {
	policy := roles.Policy{}.Remembering()
	for _, id := range []string{"one", "two"} {
		r := newRepository(t)
		r.policy = policy
		key := *r.Key("k")
		key.KeyID = id
		r.Rotate("targets", 1, &key)
		r.Publish()
		r.mustVerifyTargets()
		r.SignWith("targets", r.Key("stranger"))
		r.Publish()
		_, err := r.verifyTargets()
		require.ErrorIs(t, err, roles.ErrThreshold)
	}
}

// A key is decoded once.
func TestKeysAreDecodedOnce(t *testing.T) {
	k := verifytest.NewKey("rsassa-pss-sha256", "k")
	key := metadata.Key{ID: "a", Type: "rsa", Scheme: "rsassa-pss-sha256", Public: k.Public}
	policy := roles.Policy{}.Remembering()
	_, err := policy.Material(key)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(10, func() { _, _ = policy.Material(key) }))
	require.NotZero(t, testing.AllocsPerRun(10, func() { _, _ = roles.Policy{}.Material(key) }))
}

// Keys are remembered next to each other, and of very many only the last: the
// memory is bounded.
func TestMemoryOfKeysIsBounded(t *testing.T) {
	key := func(name string) metadata.Key {
		k := verifytest.NewKey("ed25519", name)
		return metadata.Key{ID: name, Type: "ed25519", Scheme: "ed25519", Public: k.Public}
	}
	policy := roles.Policy{}.Remembering()
	remembered := func(k metadata.Key) bool {
		p := policy
		return testing.AllocsPerRun(1, func() { _, _ = p.Material(k) }) == 0
	}
	first, second := key("first"), key("second")
	for _, k := range []metadata.Key{first, second} {
		_, err := policy.Material(k)
		require.NoError(t, err)
	}
	require.True(t, remembered(first))
	require.True(t, remembered(second))
	for i := range 300 {
		_, err := policy.Material(key(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	// AllocsPerRun would remember the key again, before it counts.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = policy.Material(first)
	runtime.ReadMemStats(&after)
	require.Greater(t, after.Mallocs, before.Mallocs, "it was forgotten for newer ones")
}
