package roles_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// R-4.3.4 (G4): a file is expired at its time of expiry.
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
		file, err := verifyFile[metadata.Timestamp](r, "timestamp")
		require.NoError(t, err)
		return file
	}
	stored := open(5, 5)
	got, err := roles.NewerTimestamp(roles.Trusted[metadata.Timestamp]{}, stored)
	require.NoError(t, err)
	require.Equal(t, stored, got)
	newer := open(6, 5)
	got, err = roles.NewerTimestamp(stored, newer)
	require.NoError(t, err)
	require.Equal(t, newer, got)
	got, err = roles.NewerTimestamp(stored, open(5, 9))
	require.NoError(t, err, "an equal version is no error")
	require.Equal(t, stored, got, "and changes nothing")
	_, err = roles.NewerTimestamp(stored, open(4, 5))
	require.ErrorIs(t, err, roles.ErrRollback)
	require.ErrorContains(t, err, "timestamp: rollback: version 5 was trusted before, found version 4")
	_, err = roles.NewerTimestamp(stored, open(6, 4))
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
		file, err := verifyFile[metadata.Snapshot](r, "snapshot")
		require.NoError(t, err)
		return file
	}
	v := func(n int64) any { return map[string]any{"version": n} }
	listed := metadata.MetaFile{Version: 7, Length: -1}
	stored := open(map[string]any{"targets.json": v(5), "a.json": v(5), "root.json": v(5)})
	for name, c := range map[string]struct {
		meta map[string]any
		want string
	}{
		"the same": {map[string]any{"targets.json": v(5), "a.json": v(5), "root.json": v(5)}, ""},
		"newer and more": {
			map[string]any{"targets.json": v(6), "a.json": v(math.MaxInt64), "b.json": v(1), "root.json": v(5)}, "",
		},
		"rollback of targets": {
			map[string]any{"targets.json": v(4), "a.json": v(5), "root.json": v(5)},
			"snapshot, targets.json: rollback: version 5 was trusted before, found version 4",
		},
		"rollback of a role": {
			map[string]any{"targets.json": v(6), "a.json": v(4), "root.json": v(5)}, "snapshot, a.json: rollback",
		},
		"a role is not listed": {
			map[string]any{"targets.json": v(6), "root.json": v(5)},
			"snapshot, a.json: rollback: version 5 was trusted before, now it is not listed",
		},
		"another file is not listed": {
			map[string]any{"targets.json": v(6), "a.json": v(5)}, "snapshot, root.json: rollback",
		},
	} {
		err := roles.CheckSnapshot(stored, open(c.meta), listed)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, roles.ErrRollback, name)
		require.ErrorContains(t, err, c.want, name)
	}
	err := roles.CheckSnapshot(stored, stored, metadata.MetaFile{Version: 8})
	require.ErrorIs(t, err, roles.ErrVersion)
	require.ErrorContains(t, err, "snapshot: wrong version: want 8, found 7")
	require.NoError(t, roles.CheckSnapshot(roles.Trusted[metadata.Snapshot]{}, stored, listed))
}

//
func TestCheckTargets(t *testing.T) {
	r := newRepository(t)
	file := r.mustVerifyTargets()
	require.NoError(t, roles.CheckTargets(file, metadata.MetaFile{Version: 1}))
	for _, v := range []int64{0, 2} {
		err := roles.CheckTargets(file, metadata.MetaFile{Version: v})
		require.ErrorIs(t, err, roles.ErrVersion)
	}
}
