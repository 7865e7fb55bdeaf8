package roles_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// next offers the newest root as the successor of a trusted one.
func (r *repository) next(trusted roles.Trusted[metadata.Root]) (roles.Trusted[metadata.Root], error) {
	return roles.VerifyNextRoot(trusted, parse[metadata.Root](r, "root"), r.policy)
}

// R-5.3.4a, R-5.3.4b, R-5.3.5, R-5.3.6 (R1, R2, K12, CVE-2020-15163,
// CVE-2025-2885): one root after the other.
func TestNextRoot(t *testing.T) {
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
		{"a threshold that nobody can reach", func(r *repository) { r.Rotate("root", 2, r.keys("root")...) }, roles.ErrThreshold},
		{"one key for both sides, under two IDs", func(r *repository) {
			renamed := *r.Key("root")
			renamed.KeyID = "renamed"
			r.Rotate("root", 1, &renamed)
		}, nil},
		{"the same version", func(r *repository) { r.SetVersion("root", 1) }, roles.ErrVersion},
		{"a version left out", func(r *repository) { r.SetVersion("root", 3) }, roles.ErrVersion},
		{"another version inside", func(r *repository) { r.Edit("root", func(signed map[string]any) { signed["version"] = int64(5) }) }, roles.ErrVersion},
		{"the last possible version", func(r *repository) { r.SetVersion("root", math.MaxInt64) }, roles.ErrVersion},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			first := r.mustAnchor()
			r.Touch("root")
			c.do(r)
			r.PublishOnly("root")
			next, err := r.next(first)
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

// an anchor that is not signed by itself.
func TestAnchor(t *testing.T) {
	r := newRepository(t)
	r.SignWith("root", r.keys("stranger")...)
	r.PublishOnly("root")
	_, err := r.anchor()
	require.ErrorIs(t, err, roles.ErrThreshold)
	r.Edit("root", func(signed map[string]any) { delete(signed, "roles") })
	r.PublishOnly("root")
	_, err = r.anchor()
	require.ErrorIs(t, err, metadata.ErrSyntax)
}

// R-4.3.4 (G4): the moment of expiry is too late.
func TestCheckExpiry(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	h := metadata.Header{Version: 7, Expires: expires}
	require.NoError(t, roles.CheckExpiry("snapshot", h, expires.Add(-time.Nanosecond)))
	for _, at := range []time.Time{expires, expires.Add(time.Second), expires.In(time.FixedZone("", 3600))} {
		err := roles.CheckExpiry("snapshot", h, at)
		require.ErrorIs(t, err, roles.ErrExpired)
		require.ErrorContains(t, err, "snapshot version 7: expired since 2030-01-02T03:04:05Z")
	}
	require.ErrorIs(t, roles.CheckExpiry("x", metadata.Header{}, expires), roles.ErrExpired)
}

// R-5.4.3.1a, R-5.4.3.1b, R-5.4.3.2 (R5, R6, CVE-2025-2888).
func TestNewerTimestamp(t *testing.T) {
	r := newRepository(t)
	open := func(version, snapshot int64) roles.Trusted[metadata.Timestamp] {
		r.SetVersion("timestamp", version)
		r.SetVersion("snapshot", snapshot)
		r.PublishOnly("snapshot", "timestamp")
		file, err := openAs[metadata.Timestamp](r, "timestamp")
		require.NoError(t, err)
		return file
	}
	floor := open(5, 5)
	kept, err := roles.NewerTimestamp(roles.Trusted[metadata.Timestamp]{}, floor)
	require.NoError(t, err)
	require.Equal(t, floor, kept)
	newer := open(6, 5)
	kept, err = roles.NewerTimestamp(floor, newer)
	require.NoError(t, err)
	require.Equal(t, newer, kept)
	kept, err = roles.NewerTimestamp(floor, open(5, 9))
	require.NoError(t, err, "an equal version is no error")
	require.Equal(t, floor, kept, "and changes nothing")
	_, err = roles.NewerTimestamp(floor, open(4, 5))
	require.ErrorIs(t, err, roles.ErrRollback)
	require.ErrorContains(t, err, "timestamp: rollback: version 5 was trusted before, found version 4")
	_, err = roles.NewerTimestamp(floor, open(6, 4))
	require.ErrorIs(t, err, roles.ErrRollback)
	require.ErrorContains(t, err, "timestamp, snapshot.json: rollback: version 5 was trusted before, found version 4")
}

// R-5.5.5a, R-5.5.5b (R8, R9, R12, CVE-2025-2887).
func TestCheckSnapshot(t *testing.T) {
	r := newRepository(t)
	open := func(meta map[string]any) roles.Trusted[metadata.Snapshot] {
		r.Edit("snapshot", nil)
		r.Edit("snapshot", func(signed map[string]any) { signed["meta"] = meta })
		r.SetVersion("snapshot", 7)
		r.PublishOnly("snapshot")
		file, err := openAs[metadata.Snapshot](r, "snapshot")
		require.NoError(t, err)
		return file
	}
	v := func(n int64) any { return map[string]any{"version": n} }
	pin := metadata.MetaFile{Version: 7, Length: -1}
	floor := open(map[string]any{"targets.json": v(5), "a.json": v(5), "root.json": v(5)})
	for name, c := range map[string]struct {
		meta map[string]any
		want string
	}{
		"the same":          {map[string]any{"targets.json": v(5), "a.json": v(5), "root.json": v(5)}, ""},
		"newer and more":    {map[string]any{"targets.json": v(6), "a.json": v(math.MaxInt64), "b.json": v(1), "root.json": v(5)}, ""},
		"targets back":      {map[string]any{"targets.json": v(4), "a.json": v(5), "root.json": v(5)}, "snapshot, targets.json: rollback: version 5 was trusted before, found version 4"},
		"a role back":       {map[string]any{"targets.json": v(6), "a.json": v(4), "root.json": v(5)}, "snapshot, a.json: rollback"},
		"a role gone":       {map[string]any{"targets.json": v(6), "root.json": v(5)}, "snapshot, a.json: rollback: version 5 was trusted before, it is gone"},
		"another file gone": {map[string]any{"targets.json": v(6), "a.json": v(5)}, "snapshot, root.json: rollback"},
	} {
		err := roles.CheckSnapshot(floor, open(c.meta), pin)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, roles.ErrRollback, name)
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, err, "start without the saved snapshot.json", name)
	}
	err := roles.CheckSnapshot(floor, floor, metadata.MetaFile{Version: 8})
	require.ErrorIs(t, err, roles.ErrVersion)
	require.ErrorContains(t, err, "snapshot: wrong version: want 8, found 7")
	require.NoError(t, roles.CheckSnapshot(roles.Trusted[metadata.Snapshot]{}, floor, pin))
}

//
func TestCheckTargets(t *testing.T) {
	r := newRepository(t)
	file := r.mustOpenTargets()
	require.NoError(t, roles.CheckTargets(file, metadata.MetaFile{Version: 1}))
	for _, v := range []int64{0, 2} {
		err := roles.CheckTargets(file, metadata.MetaFile{Version: v})
		require.ErrorIs(t, err, roles.ErrVersion)
	}
}

// R-5.6.2 (F3): length and hashes, in all
// four combinations.
func TestCheckFile(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{MetaHashes: true, Hashes: []string{"sha256", "sha512"}})
	snapshot, err := openAs[metadata.Snapshot](r, "snapshot")
	require.NoError(t, err)
	both, ok := snapshot.Content().File("targets")
	require.True(t, ok)
	data := r.Metadata()[r.FileName("targets")]
	changed := append([]byte(" "), data[1:]...)
	for _, c := range []struct {
		name           string
		length, hashes bool
		data           []byte
		want           error
	}{
		{"all right", true, true, data, nil}, {"length alone", true, false, data, nil}, {"hashes alone", false, true, data, nil}, {"neither", false, false, data, nil},
		{"short", true, true, data[:len(data)-1], roles.ErrLength}, {"long", true, true, append(data[:len(data):len(data)], ' '), roles.ErrLength},
		{"short, length alone", true, false, data[:len(data)-1], roles.ErrLength}, {"changed", true, true, changed, roles.ErrHash},
		{"changed, hashes alone", false, true, changed, roles.ErrHash}, {"changed, length alone", true, false, changed, nil}, {"empty", true, true, nil, roles.ErrLength},
	} {
		pin := both
		if !c.length {
			pin.Length = -1
		}
		if !c.hashes {
			pin.Hashes = metadata.Hashes{}
		}
		err := roles.CheckFile("targets", c.data, pin, r.policy)
		if c.want == nil {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorIs(t, err, c.want, c.name)
		require.ErrorContains(t, err, "targets: ", c.name)
	}
}

// .K1: strict options refuse what is refused by default only
// elsewhere.
func TestStrictPolicy(t *testing.T) {
	for _, expires := range []string{"2031-01-01T00:00:00.000Z", "2031-01-01T00:00:00+00:00", "2031-01-01T01:00:00+01:00"} {
		r := newRepository(t)
		r.Edit("targets", func(signed map[string]any) { signed["expires"] = expires })
		r.Publish()
		r.mustOpenTargets()
		r.policy.StrictTimes = true
		_, err := r.openTargets()
		require.ErrorIs(t, err, roles.ErrPolicy)
		require.ErrorContains(t, err, expires)
	}
	r := newRepository(t)
	r.policy = roles.Policy{StrictTimes: true, StrictKeyIDs: true}
	r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a"}})
	r.Publish()
	r.mustOpenTargets()
	odd := *r.Key("odd")
	odd.KeyID = "odd"
	r.Targets().Delegate(verifytest.Delegation{Name: "b", Paths: []string{"b"}, Keys: []*verifytest.Key{&odd}})
	r.Publish()
	_, err := r.openTargets()
	require.ErrorIs(t, err, roles.ErrPolicy)
	require.ErrorContains(t, err, `targets version 3: refused by policy: key ID "odd", want `)
	r.policy.StrictKeyIDs = false
	r.mustOpenTargets()
	r.Rotate("snapshot", 1, &odd)
	r.PublishOnly("root")
	r.mustAnchor()
	r.policy.StrictKeyIDs = true
	_, err = r.anchor()
	require.ErrorIs(t, err, roles.ErrPolicy)
}

// Decision 7: what was trusted before counts by key material, whatever ID its
// signature carries.
func TestRecognize(t *testing.T) {
	r := newRepository(t)
	env := parse[metadata.Timestamp](r, "timestamp")
	renamed := *r.Key("timestamp")
	renamed.KeyID = "renamed"
	r.Rotate("timestamp", 1, r.Key("other"), &renamed)
	r.PublishOnly("root")
	role, err := roles.TopLevel(r.mustAnchor(), "timestamp", r.policy)
	require.NoError(t, err)
	_, err = roles.Verify(env, role)
	require.ErrorIs(t, err, roles.ErrThreshold)
	floor, err := roles.VerifyAnyKeyID(env, role)
	require.NoError(t, err)
	require.EqualValues(t, 1, floor.Content().Version)
	r.Rotate("timestamp", 2, &renamed, r.Key("timestamp"))
	r.PublishOnly("root")
	role, err = roles.TopLevel(r.mustAnchor(), "timestamp", r.policy)
	require.NoError(t, err)
	_, err = roles.VerifyAnyKeyID(env, role)
	require.ErrorIs(t, err, roles.ErrThreshold, "one key under two IDs is one key")
}
