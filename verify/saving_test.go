package verify_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.6.6 (J12): each file is
// handed out to be saved, byte for byte, before the next one is asked for.
func TestRecords(t *testing.T) {
	repo := small()
	repo.PublishOnly("root")
	for name, data := range repo.Metadata() {
		repo.Metadata()[name] = append(data, " \n"...) // white space that is not signed
	}
	c := newClient(t, repo)
	c.session.Lookup("a/1")
	var got []string
	for {
		b, ok := c.session.Next()
		if !ok {
			break
		}
		for _, rec := range b.Save {
			got = append(got, rec.StoreName)
			require.Equal(t, repo.Metadata()[repo.FileName(rec.Role)], rec.Data)
			require.Equal(t, repo.Version(rec.Role), rec.Version)
			clear(rec.Data) // the record is the caller's
		}
		for _, req := range b.Fetch {
			got = append(got, "ask "+req.Path)
			if data, err := repo.Metadata().Source()(req); err == nil {
				require.NoError(t, c.session.Provide(req.ID, data))
			} else {
				require.NoError(t, c.session.NotFound(req.ID))
			}
		}
	}
	require.Equal(t, []string{
		"ask 2.root.json", "2.root.json", "root.json", "ask 3.root.json", "ask timestamp.json", "timestamp.json",
		"ask 2.snapshot.json", "snapshot.json", "ask 2.targets.json", "targets.json", "ask 1.a.json", "role.a.json",
	}, got)
}

func TestDecision19NothingIsUsedBeforeItIsSaved(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	l := c.session.Lookup("a/1")
	req := c.forward("a")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending, "the record has not been handed out")
	require.Nil(t, l.Trail())
	b, ok := c.session.Next()
	require.True(t, ok)
	require.Equal(t, "role.a.json", b.Save[len(b.Save)-1].StoreName, "it comes with the lookup that rests on it")
	require.Equal(t, []*verify.Lookup{l}, b.Done)
	_, err = l.Target()
	require.NoError(t, err)
	require.Len(t, l.Trail(), 2)

	// Next called late: all that happened comes at once, records first.
	c = newClient(t, repo)
	for range 3 {
		c.session.Lookup("top")
	}
	req = c.forward("targets")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ = c.session.Next()
	require.Len(t, b.Save, 1)
	require.Len(t, b.Done, 3)
	_, ok = c.session.Next()
	require.False(t, ok, "and calling often gives nothing twice")

	// A save that fails makes the session useless, and the lookups that came
	// with it too.
	for n := range 6 {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		l := s.Lookup("a/1")
		store := &failingStore{left: n}
		err = s.Run(store, repo.Metadata().Source())
		if n == 5 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, verify.ErrSave)
		require.ErrorIs(t, err, errDisk)
		_, err = l.Target()
		require.ErrorIs(t, err, verify.ErrSave, n)
		require.ErrorIs(t, s.Err(), verify.ErrSave)
		require.ErrorIs(t, s.Refresh(repo.Now()), verify.ErrSave)
		require.ErrorIs(t, s.Provide(1, nil), verify.ErrSave)
		after := s.Lookup("top")
		require.ErrorIs(t, s.Run(verifytest.Store{}, repo.Metadata().Source()), verify.ErrSave)
		_, err = after.Target()
		require.ErrorIs(t, err, verify.ErrSave)
	}
}

// A caller of Next whose save fails says so, and what came with the record is
// useless; what was handed out before is not.
func TestAbandon(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	earlier := c.session.Lookup("top")
	late := c.session.Lookup("a/1")
	req := c.forward("a")
	_, err := earlier.Target()
	require.NoError(t, err)
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ := c.session.Next()
	require.Len(t, b.Save, 1)
	require.Equal(t, []*verify.Lookup{late}, b.Done)
	c.session.Abandon(errDisk)
	_, err = late.Target()
	require.ErrorIs(t, err, verify.ErrSave)
	require.ErrorIs(t, err, errDisk)
	require.ErrorIs(t, c.session.Err(), verify.ErrSave)
	_, err = earlier.Target()
	require.NoError(t, err)
	_, ok := c.session.Next()
	require.False(t, ok)
}

// A session that was given up hands out nothing, not even what was ready to be.
func TestAbandonedSessionHasNothingToDo(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	b, _ := s.Next()
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()["2.root.json"]))
	s.Abandon(errors.New("full"))
	b, more := s.Next()
	require.False(t, more, "%v", b)
	require.ErrorIs(t, s.Err(), verify.ErrSave)
	require.ErrorIs(t, s.Refresh(repo.Now()), verify.ErrSave)
	s = newClient(t, repo).session
	s.Next()
	s.Abandon(errDisk)
	require.Empty(t, s.Outstanding())
}

// Decision 7: two processes with one store do not undo each other's work.
func TestKeep(t *testing.T) {
	repo := small()
	session := func(files verifytest.Files, store verifytest.Store) (*verify.Session, map[string]verify.Record) {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		records := recorder{store, map[string]verify.Record{}}
		require.NoError(t, s.Run(records, files.Source()))
		return s, records.records
	}
	before := repo.Metadata().Clone()
	oldStore, newStore := verifytest.Store{}, verifytest.Store{}
	slow, old := session(before, oldStore)
	repo.Publish()
	fast, recent := session(repo.Metadata(), newStore)
	stored := func(m verifytest.Store) verify.Stored { return verify.LoadStored(m.Load) }
	for _, name := range []string{"timestamp.json", "snapshot.json"} {
		require.False(t, slow.Keep(old[name], stored(newStore)), "%s: another process has a newer one", name)
		require.True(t, fast.Keep(recent[name], stored(oldStore)))
		require.True(t, fast.Keep(recent[name], stored(newStore)), "the same again")
		require.True(t, slow.Keep(old[name], verify.Stored{}))
		require.True(t, slow.Keep(old[name], verify.Stored{Root: []byte("x"), Timestamp: []byte("x"), Snapshot: []byte("x")}), "damage is no reason")
	}
	require.True(t, slow.Keep(old["targets.json"], stored(newStore)), "a cache entry")

	// Another process knows a newer root: nothing of this session's is written,
	// since it may rest on rotated keys.
	repo.Rotate("timestamp", 1, repo.Key("new"))
	repo.Publish()
	rotatedStore := verifytest.Store{}
	rotated, newest := session(repo.Metadata(), rotatedStore)
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json", "targets.json"} {
		require.False(t, fast.Keep(recent[name], stored(rotatedStore)), name)
		require.True(t, rotated.Keep(newest[name], stored(newStore)), "%s: a floor that the new root does not know is none", name)
	}
}

// Keep lets a session write the root that another one has written already.
func TestKeepTheSameRoot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	repo.Publish()
	c := newClient(t, repo)
	require.NoError(t, c.session.Run(nil, repo.Metadata().Source()))
	root := repo.Metadata()["2.root.json"]
	require.True(t, c.session.Keep(verify.Record{Role: "root", Version: 2, StoreName: "root.json", Data: root}, verify.Stored{Root: root}))
	require.False(t, c.session.Keep(verify.Record{Role: "root", Version: 1, StoreName: "root.json", Data: repo.TrustedRoot()}, verify.Stored{Root: root}))
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
