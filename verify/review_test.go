package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R14: a wall clock that is set back does not make anything fresh again,
// although the monotonic clock beside it goes on.
func TestClockSetBack(t *testing.T) {
	later := time.Now() // with a monotonic reading
	repo := verifytest.New(verifytest.Options{Start: later.Add(-10 * time.Hour)})
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, later, verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
	back := later.Add(time.Second).Round(0).Add(-5 * time.Hour)
	require.ErrorIs(t, s.Refresh(back), verify.ErrTime)
	require.Equal(t, later.Round(0), s.Time())
	later = time.Now()
	require.NoError(t, s.Refresh(later))
	require.Equal(t, later.Round(0), s.Time())
}

// A saved file that no session would have taken does not count, and costs no
// time.
func TestHugeFloors(t *testing.T) {
	repo := small()
	stored := verify.Stored{Root: make([]byte, 512_001), Timestamp: make([]byte, 16_385), Snapshot: make([]byte, 8_000_001)}
	s, err := verify.New(repo.TrustedRoot(), stored, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.Len(t, s.Warnings(), 3)
	for _, warning := range s.Warnings() {
		require.ErrorIs(t, warning, verify.ErrStoredFile)
		require.ErrorIs(t, warning, verify.ErrLimit)
	}
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
}

// Decision 7: a stored root counts only if its own keys signed it.
func TestForgedStoredRoot(t *testing.T) {
	repo := small()
	forger := verifytest.New(verifytest.Options{})
	forger.SetVersion("root", 9)
	forger.EditEnvelope("root", func(e map[string]any) { e["signatures"] = []any{} })
	forger.PublishOnly("root")
	forged := forger.Metadata()["9.root.json"]
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{Root: forged}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, s.Warnings()[0], roles.ErrThreshold)
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
	// Signed by itself it does count, whoever made it: the one saved file that
	// can stop a cycle.
	forger.EditEnvelope("root", nil)
	forger.SetVersion("root", 9)
	forger.PublishOnly("root")
	s, err = verify.New(repo.TrustedRoot(), verify.Stored{Root: forger.Metadata()["9.root.json"]}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	err = s.Run(nil, repo.Metadata().Source())
	require.ErrorIs(t, err, roles.ErrRollback)
	var stored *verify.StoredRootError
	require.ErrorAs(t, err, &stored)
	require.Equal(t, verify.StoredRootError{Name: "root.json", Stored: 9, Found: 1}, *stored)
}

// What was trusted in an earlier cycle is not trusted in the next one by
// itself: its keys may be revoked, its time may be over, and another file of
// the same version may be listed.
func TestRefreshTrustsNothingByItself(t *testing.T) {
	t.Run("revoked snapshot key", func(t *testing.T) {
		repo := small()
		c := newClient(t, repo)
		c.mustFind("a/1")
		repo.Rotate("snapshot", 1, repo.Key("new"))
		repo.SignWith("snapshot", repo.Key("snapshot")) // and only the revoked one signs
		repo.PublishOnly("root")
		require.NoError(t, c.session.Refresh(repo.Now()))
		_, err := c.lookup("a/1")
		require.ErrorIs(t, err, roles.ErrThreshold)
		require.Nil(t, c.session.Snapshot())
	})
	t.Run("revoked targets key", func(t *testing.T) {
		repo := small()
		c := newClient(t, repo)
		c.mustFind("top")
		repo.Rotate("targets", 1, repo.Key("new"))
		repo.PublishOnly("root")
		require.NoError(t, c.session.Refresh(repo.Now()))
		_, err := c.lookup("top")
		require.ErrorIs(t, err, roles.ErrThreshold)
	})
	t.Run("another snapshot of the same version", func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{MetaHashes: true})
		c := newClient(t, repo)
		_, err := c.lookup("x")
		require.ErrorIs(t, err, verify.ErrNoTarget)
		repo.Edit("snapshot", func(s map[string]any) { s["x"] = "y" })
		repo.SetVersion("snapshot", 1)
		repo.PublishOnly("snapshot", "timestamp")
		require.NoError(t, c.session.Refresh(repo.Now()))
		require.Equal(t, "1.snapshot.json", c.forward("snapshot").Path, "it is fetched")
	})
	t.Run("another targets file of the same version", func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{MetaHashes: true})
		c := newClient(t, repo)
		_, err := c.lookup("x")
		require.ErrorIs(t, err, verify.ErrNoTarget)
		repo.Targets().AddTarget("x", []byte("hello"))
		repo.SetVersion("targets", 1)
		repo.Publish()
		require.NoError(t, c.session.Refresh(repo.Now()))
		c.mustFind("x")
	})
}

// A cycle that has ended takes no more answers, and asks for nothing that it
// had not handed out.
func TestEndedCycleIsOver(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	req := c.forward("snapshot")
	require.NoError(t, c.session.Fail(req.ID, errDisk))
	require.Empty(t, c.session.Outstanding())
	require.ErrorIs(t, c.session.Provide(req.ID, c.body(req)), verify.ErrRequest)
	require.NoError(t, c.session.Refresh(repo.Now()))
}

// What the session hands out cannot be used to change what it trusts.
func TestContentsAreCopies(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	c.mustFind("top")
	c.session.Root().Version = 9
	c.session.Timestamp().Version = 9
	c.session.Snapshot().Version = 9
	c.session.Targets().Version = 9
	*c.session.Root() = metadata.Root{}
	for role, version := range map[string]int64{"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2} {
		require.Equal(t, version, c.session.Version(role))
	}
	require.NoError(t, c.session.Refresh(repo.Now()))
	c.mustFind("a/1")
}

// The limit on new roots does not lock out a program that was shipped with an
// old anchor: roots up to the stored one were counted when they were new.
func TestRootLimitAndStoredRoots(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for range 9 {
		repo.PublishOnly("root")
	}
	store := verifytest.Store{}
	for want := int64(4); want <= 10; want += 3 {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{Limits: verify.Limits{MaxRootRotations: 3}})
		require.NoError(t, err)
		require.NoError(t, s.Run(store, repo.Metadata().Source()))
		require.Equal(t, want, s.Version("root"))
	}
}

// The word of one mirror that a file does not exist is not the word of all.
func TestErrAbsentIsUnanimous(t *testing.T) {
	repo := small()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	down := func(verify.Request) ([]byte, error) { return nil, errors.New("connection refused") }
	err = s.Run(nil, repo.Metadata().Source(), down)
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
	require.ErrorContains(t, err, "not found at the source")
	var source *verify.SourceError
	require.ErrorAs(t, err, &source)
	require.Equal(t, 1, source.Source)
	lost := repo.Metadata().Clone()
	delete(lost, "timestamp.json")
	require.NoError(t, s.Refresh(repo.Now()))
	err = s.Run(nil, lost.Source(), lost.Source())
	require.ErrorIs(t, err, verify.ErrNotAtSource, "here all of them say so")
	require.ErrorContains(t, err, "source 2 of 2: verifytest: timestamp.json")
}

// Keep: an older root never replaces a newer one, though it is this session's
// own.
func TestKeepRoots(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	repo.PublishOnly("root")
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	records := recorder{verifytest.Store{}, map[string]verify.Record{}}
	require.NoError(t, s.Run(records, repo.Metadata().Source()))
	newest := records.records["root.json"]
	require.EqualValues(t, 3, newest.Version)
	older := newest
	older.Version, older.Data = 2, repo.Metadata()["2.root.json"]
	require.False(t, s.Keep(older, verify.Stored{Root: newest.Data}))
	require.True(t, s.Keep(newest, verify.Stored{Root: older.Data}))
}

// A delegator cannot make a lookup hold much: no more roles wait than the
// lookup may visit.
func TestManyMatchingDelegations(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for i := range 2000 {
		repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprint("r", i), Paths: []string{"*"}, Keys: []*verifytest.Key{repo.Key("all")}})
	}
	repo.Publish()
	_, err := newClient(t, repo).lookup("x")
	require.ErrorIs(t, err, verify.ErrLimit)
}

// Errors stay short and quiet, whatever a repository puts into names, digests
// and lists.
func TestErrorsStayShort(t *testing.T) {
	long := strings.Repeat("long ", 1000)
	hashes := map[string]string{"sha256": "\x1b]0;owned\a" + long}
	for i := range 100 {
		hashes[fmt.Sprint("h", i, long)] = long
	}
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTargetInfo("wrong", 0, hashes)
	delete(hashes, "sha256")
	repo.Targets().AddTargetInfo("unknown", 0, hashes)
	a := repo.Targets().Delegate(verifytest.Delegation{Name: "a" + long, Paths: []string{"a"}})
	repo.Edit("targets", func(s map[string]any) {
		role := s["delegations"].(map[string]any)["roles"].([]any)[0].(map[string]any)
		var ids []any
		for i := range 1000 {
			ids = append(ids, fmt.Sprint(i, long))
		}
		role["keyids"] = ids
	})
	repo.Touch(a.Name())
	repo.Publish()
	c := newClient(t, repo)
	for _, path := range []string{"wrong", "unknown"} {
		target := c.mustFind(path)
		err := target.Copy(&bytes.Buffer{}, strings.NewReader(""))
		require.ErrorIs(t, err, roles.ErrHash)
		require.Less(t, len(err.Error()), 2000)
		require.NotContains(t, err.Error(), "\x1b")
		paths, err := target.URLPaths()
		require.NoError(t, err)
		require.LessOrEqual(t, len(paths), 8)
	}
	_, err := c.lookup("a")
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.Less(t, len(err.Error()), 20_000)
}
