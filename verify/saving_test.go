package verify_test

import (
	"context"
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
	for b, ok := c.session.Next(); ok; b, ok = c.session.Next() {
		for _, rec := range b.Save {
			got = append(got, rec.StoreName)
			require.Equal(t, fileOf(repo, rec.Role), rec.Data)
			require.Equal(t, repo.Version(rec.Role), rec.Version)
			clear(rec.Data) // the record belongs to the caller
		}
		for _, req := range b.Fetch {
			got = append(got, "ask "+req.Path)
			answer(t, c.session, repo.Metadata(), req)
		}
	}
	require.Equal(t, []string{
		"ask 2.root.json", "2.root.json", "root.json", "ask 3.root.json",
		"ask timestamp.json", "timestamp.json",
		"ask 2.snapshot.json", "snapshot.json",
		"ask 2.targets.json", "targets.json",
		"ask 1.a.json", "role.a.json",
	}, got)
}

// A lookup has no result before the records that it depends on are handed out
// (docs/decisions.md, "Saved before it is used").
func TestNothingIsUsedBeforeItIsSaved(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	l := c.session.Lookup("a/1")
	c.provide(c.forward("a"))
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending, "the record has not been handed out")
	require.Nil(t, l.Trail())
	b, ok := c.session.Next()
	require.True(t, ok)
	last := b.Save[len(b.Save)-1]
	require.Equal(t, "role.a.json", last.StoreName, "it comes with the lookup that depends on it")
	require.Equal(t, []*verify.Lookup{l}, b.Done)
	_, err = l.Target()
	require.NoError(t, err)
	require.Len(t, l.Trail(), 2)

	// Next is called late: everything comes at once, records first.
	c = newClient(t, repo)
	for range 3 {
		c.session.Lookup("top")
	}
	c.provide(c.forward("targets"))
	b, _ = c.session.Next()
	require.Len(t, b.Save, 1)
	require.Len(t, b.Done, 3)
	_, ok = c.session.Next()
	require.False(t, ok, "nothing comes twice")
}

// A save that fails ends the session, and with it the lookups that came with
// the record.
func TestFailedSave(t *testing.T) {
	repo := small()
	for n := range 6 {
		s := newClient(t, repo).session
		l := s.Lookup("a/1")
		err := s.Run(context.Background(), &failingStore{left: n}, repo.Metadata().Source())
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
		require.ErrorIs(t, s.Run(context.Background(), verifytest.Store{}, repo.Metadata().Source()), verify.ErrSave)
		_, err = after.Target()
		require.ErrorIs(t, err, verify.ErrSave)
	}
}

// A caller of Next whose save fails calls Abandon. The lookups that came with
// the record have no result then; those that were handed out before keep
// theirs.
func TestAbandon(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	earlier := c.session.Lookup("top")
	late := c.session.Lookup("a/1")
	req := c.forward("a")
	_, err := earlier.Target()
	require.NoError(t, err)
	c.provide(req)
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

// An abandoned session hands out nothing, not even what was ready to be handed
// out.
func TestAbandonedSessionHasNothingToDo(t *testing.T) {
	repo := withRoots(2)
	s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 8})
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

// keeper is a session that has been through an update, and what it saved.
type keeper struct {
	session *verify.Session
	store   verifytest.Store
	records map[string]verify.Record
}

func newKeeper(t *testing.T, repo *verifytest.Repo, mirror verifytest.Files) keeper {
	rec := newRecorder(verifytest.Store{})
	s := newClient(t, repo).session
	require.NoError(t, s.Run(rec, mirror.Source()))
	return keeper{s, rec.Store, rec.records}
}

// keep says whether the keeper's record may replace what a store has.
func (k keeper) keep(name string, store verifytest.Store) bool {
	return k.session.Keep(k.records[name], verify.LoadStored(context.Background(), store))
}

// Two processes with one store do not undo each other's work (docs/decisions.md,
// "What the stored files are for").
func TestKeepNewerFiles(t *testing.T) {
	repo := small()
	before := repo.Metadata().Clone()
	slow := newKeeper(t, repo, before)
	repo.Publish()
	fast := newKeeper(t, repo, repo.Metadata())
	corrupt := verifytest.Store{
		"root.json": []byte("x"), "timestamp.json": []byte("x"), "snapshot.json": []byte("x"),
	}
	for _, name := range []string{"timestamp.json", "snapshot.json"} {
		require.False(t, slow.keep(name, fast.store), "%s: another process has a newer one", name)
		require.True(t, fast.keep(name, slow.store))
		require.True(t, fast.keep(name, fast.store), "the same again")
		require.True(t, slow.keep(name, verifytest.Store{}))
		require.True(t, slow.keep(name, corrupt), "a corrupt file is replaced")
	}
	require.True(t, slow.keep("targets.json", fast.store), "a cached file")

	// Another process knows a newer root: this session writes nothing, since its
	// files may depend on rotated keys.
	repo.Rotate("timestamp", 1, repo.Key("new"))
	repo.Publish()
	rotated := newKeeper(t, repo, repo.Metadata())
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json", "targets.json"} {
		require.False(t, fast.keep(name, rotated.store), name)
		require.True(t, rotated.keep(name, fast.store), "%s: the new root does not know its key", name)
	}
}

// Keep lets a session write the root that another one has written already.
func TestKeepTheSameRoot(t *testing.T) {
	repo := withRoots(2)
	c := newClient(t, repo)
	require.NoError(t, c.update())
	root := repo.Metadata()["2.root.json"]
	same := verify.Record{Role: "root", Version: 2, StoreName: "root.json", Data: root}
	older := verify.Record{Role: "root", Version: 1, StoreName: "root.json", Data: repo.TrustedRoot()}
	require.True(t, c.session.Keep(same, verify.Stored{Root: [][]byte{root}}))
	require.False(t, c.session.Keep(older, verify.Stored{Root: [][]byte{root}}))
}

// Keep never lets an older root replace a newer one, even if the newer one is
// this session's own.
func TestKeepRoots(t *testing.T) {
	repo := withRoots(3)
	k := newKeeper(t, repo, repo.Metadata())
	newest := k.records["root.json"]
	require.EqualValues(t, 3, newest.Version)
	older := newest
	older.Version, older.Data = 2, repo.Metadata()["2.root.json"]
	require.False(t, k.session.Keep(older, verify.Stored{Root: [][]byte{newest.Data}}))
	require.True(t, k.session.Keep(newest, verify.Stored{Root: [][]byte{older.Data}}))
}
