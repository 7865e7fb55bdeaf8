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
	repo.Metadata()["1.root.json"] = repo.TrustedRoot()
	c := newClient(t, repo)
	c.session.Lookup("a/1")
	var got []string
	for b, ok := c.session.Next(); ok; b, ok = c.session.Next() {
		for _, rec := range b.Save {
			got = append(got, rec.StoreName)
			require.Equal(t, repo.Metadata()[rec.Path], rec.Data)
			require.Equal(t, versionOf(t, rec.Data), rec.Version)
		}
		for _, req := range b.Fetch {
			got = append(got, "ask "+req.Path)
			answer(t, c.session, repo.Metadata(), req)
		}
	}
	require.Equal(t, []string{
		"ask 2.root.json", "1.root.json", "2.root.json", "root.json", "ask 3.root.json",
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
	for n := range 7 {
		s := newClient(t, repo).session
		l := s.Lookup("a/1")
		err := s.Run(context.Background(), &failingStore{left: n}, repo.Metadata().Source())
		if n == 6 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, verify.ErrSave)
		require.ErrorIs(t, err, errDisk)
		_, err = l.Target()
		require.ErrorIs(t, err, verify.ErrSave, n)
		require.ErrorIs(t, s.Err(), verify.ErrSave)
		require.ErrorIs(t, s.Provide(id(1), nil), verify.ErrSave)
		again := renew(t, s, repo.Now())
		require.NoError(t, again.Run(context.Background(), verifytest.Store{}, repo.Metadata().Source()),
			"the next update may")
		after := s.Lookup("top")
		require.ErrorIs(t, s.Run(context.Background(), verifytest.Store{}, repo.Metadata().Source()), verify.ErrSave)
		_, err = after.Target()
		require.ErrorIs(t, err, verify.ErrSave)
	}
}

// A caller of Next whose save fails calls Abandon. The lookups that came with
// the record have no result then. Those that were handed out before still have
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
	s = newClient(t, repo).session
	s.Next()
	s.Abandon(errDisk)
	require.Empty(t, s.Outstanding())
}
