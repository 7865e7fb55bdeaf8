package roles_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.6.7g, CVE-2025-2886: a file that was verified for one delegation needs
// the signatures of another one, under the key IDs of that one.
func TestVerifyAs(t *testing.T) {
	r := newRepository(t)
	key := *r.Key("k")
	key.KeyID = "renamed"
	for name, k := range map[string]*verifytest.Key{
		"a": r.Key("k"), "b": r.Key("k"), "c": &key, "d": r.Key("other"),
	} {
		r.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}, Keys: []*verifytest.Key{k}})
	}
	r.Publish()
	targets := r.mustVerifyTargets()
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

// R-5.3.4a, R-5.3.4b: a signature of a root counts only under the ID
// that the key has in that root.
func TestRootSignaturesCountByID(t *testing.T) {
	first := newRepository(t).mustInitialRoot()
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
		_, err := r.initialRoot()
		require.ErrorIs(t, err, c.own)
		_, err = r.nextRoot(first)
		require.ErrorIs(t, err, c.both)
	}
}

// Trusted files are compared by role and content (docs/decisions.md, "Trust
// belongs to a delegation").
func TestSameContent(t *testing.T) {
	r := newRepository(t)
	none := roles.Trusted[metadata.Targets]{}
	first := r.mustVerifyTargets()
	require.True(t, first.SameContent(first))
	require.True(t, first.SameContent(r.mustVerifyTargets()), "verified twice")
	require.False(t, first.SameContent(none))
	require.False(t, none.SameContent(first))
	require.False(t, none.SameContent(none))
	r.Touch("targets")
	r.PublishOnly("targets")
	second := r.mustVerifyTargets()
	require.False(t, first.SameContent(second))
}

// R-5.3.4a, R-5.3.4b, R-5.3.5, R-5.3.6 (R1, R2, K12, CVE-2020-15163,
// CVE-2025-2885): a root and its successor.
func TestVerifyNextRoot(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *repository)
		want error
	}{
		{"nothing changes", func(r *repository) {}, nil},
		{"keys change", func(r *repository) { r.Rotate("root", 2, r.keys("a", "b")...) }, nil},
		{"expired on the way", func(r *repository) { r.SetLifetime("root", -time.Hour) }, nil},
		{"not signed by the old keys", func(r *repository) {
			r.Rotate("root", 1, r.keys("a")...)
			r.SignWith("root", r.keys("a")...)
		}, roles.ErrThreshold},
		{"not signed by the new keys", func(r *repository) {
			r.Rotate("root", 1, r.keys("a")...)
			r.SignWith("root", r.keys("root")...)
		}, roles.ErrThreshold},
		{"not enough of the new keys", func(r *repository) {
			r.Rotate("root", 3, r.keys("root", "a", "b")...)
			r.SignWith("root", r.keys("root", "a")...)
		}, roles.ErrThreshold},
		{"a threshold that nobody can reach", func(r *repository) {
			r.Rotate("root", 2, r.keys("root")...)
		}, roles.ErrThreshold},
		{"one key for both sides, under two IDs", func(r *repository) {
			renamed := *r.Key("root")
			renamed.KeyID = "renamed"
			r.Rotate("root", 1, &renamed)
		}, nil},
		{"the same version", func(r *repository) { r.SetVersion("root", 1) }, roles.ErrVersion},
		{"a version left out", func(r *repository) { r.SetVersion("root", 3) }, roles.ErrVersion},
		{"another version inside", func(r *repository) {
			r.Edit("root", func(signed map[string]any) { signed["version"] = int64(5) })
		}, roles.ErrVersion},
		{"the last possible version", func(r *repository) { r.SetVersion("root", math.MaxInt64) }, roles.ErrVersion},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			first := r.mustInitialRoot()
			r.Touch("root")
			c.do(r)
			r.PublishOnly("root")
			next, err := r.nextRoot(first)
			if c.want == nil {
				require.NoError(t, err)
				require.EqualValues(t, 2, next.Content().Version)
				return
			}
			require.ErrorIs(t, err, c.want)
			require.Nil(t, next.Content())
		})
	}
}

// the initial root must be signed by its own keys.
func TestVerifyInitialRoot(t *testing.T) {
	r := newRepository(t)
	r.SignWith("root", r.keys("stranger")...)
	r.PublishOnly("root")
	_, err := r.initialRoot()
	require.ErrorIs(t, err, roles.ErrThreshold)
	r.Edit("root", func(signed map[string]any) { delete(signed, "roles") })
	r.PublishOnly("root")
	_, err = r.initialRoot()
	require.ErrorIs(t, err, metadata.ErrSyntax)
}

// A signature of a file that was trusted before counts by key material,
// whatever its key ID (docs/decisions.md, "Key IDs are opaque").
func TestVerifyAnyKeyID(t *testing.T) {
	r := newRepository(t)
	env := parse[metadata.Timestamp](r, "timestamp")
	renamed := *r.Key("timestamp")
	renamed.KeyID = "renamed"
	r.Rotate("timestamp", 1, r.Key("other"), &renamed)
	r.PublishOnly("root")
	role, err := roles.TopLevel(r.mustInitialRoot(), "timestamp", r.policy)
	require.NoError(t, err)
	_, err = roles.Verify(env, role)
	require.ErrorIs(t, err, roles.ErrThreshold)
	stored, err := roles.VerifyAnyKeyID(env, role)
	require.NoError(t, err)
	require.EqualValues(t, 1, stored.Content().Version)
	r.Rotate("timestamp", 2, &renamed, r.Key("timestamp"))
	r.PublishOnly("root")
	role, err = roles.TopLevel(r.mustInitialRoot(), "timestamp", r.policy)
	require.NoError(t, err)
	_, err = roles.VerifyAnyKeyID(env, role)
	require.ErrorIs(t, err, roles.ErrThreshold, "one key under two IDs is one key")
}

// Junk signatures take a limited time, also where they are tried with any key
// (CVE-2020-6173).
func TestVerifyAnyKeyIDIsBounded(t *testing.T) {
	r := newRepository(t)
	var tried *int
	r.policy, tried = futurePolicy()
	r.Rotate("targets", 1, r.futureKey("x", nil))
	r.Edit("targets", func(signed map[string]any) { signed["x"] = strings.Repeat("x", 1<<20) })
	r.EditEnvelope("targets", func(envelope map[string]any) {
		var junk []any
		for i := range 1000 {
			junk = append(junk, map[string]any{"keyid": strings.Repeat("f", i+1), "sig": strings.Repeat("00", 64)})
		}
		envelope["signatures"] = append(junk, envelope["signatures"].([]any)...)
	})
	r.Publish()
	role, err := roles.TopLevel(r.mustInitialRoot(), "targets", r.policy)
	require.NoError(t, err)
	_, err = roles.VerifyAnyKeyID(parse[metadata.Targets](r, "targets"), role)
	require.NoError(t, err, "the right ID comes first")
	require.Equal(t, 1, *tried)
	r.Rotate("targets", 1, r.futureKey("x", renamed("renamed")))
	r.PublishOnly("root")
	role, err = roles.TopLevel(r.mustInitialRoot(), "targets", r.policy)
	require.NoError(t, err)
	*tried = 0
	_, err = roles.VerifyAnyKeyID(parse[metadata.Targets](r, "targets"), role)
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.Equal(t, 64, *tried, "each hashes a little more than a megabyte")
}

// The bytes of a file are lent as its envelope has them.
func TestFile(t *testing.T) {
	require.Nil(t, roles.Trusted[metadata.Targets]{}.File())
	for compact, has := range map[bool]bool{true: true, false: false} {
		r := newRepositoryWith(t, verifytest.Options{Compact: compact})
		r.Publish()
		file := r.mustVerifyTargets().File()
		has = has && envelopeFormat == metadata.Classic
		require.Equal(t, has, file != nil)
		if has {
			require.Equal(t, r.Metadata()[r.FileName("targets")], file)
		}
	}
}
