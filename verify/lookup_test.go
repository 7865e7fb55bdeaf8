package verify_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// "no such target" comes only after the whole search.: a copy
// at hand is checked like a download.
func TestNoTarget(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	_, err := c.lookup("a/2")
	require.ErrorIs(t, err, verify.ErrNoTarget)
	require.EqualError(t, err, `"a/2": no such target`)
	target := c.mustFind("a/1")
	for content, want := range map[string]error{
		"hello": nil,
		"hallo": roles.ErrHash,
		"hell":  roles.ErrLength,
		"":      roles.ErrLength,
	} {
		v := target.Verifier() // a file from the disk
		_, _ = v.Write([]byte(content))
		require.ErrorIs(t, v.Verify(), want, content)
	}
}

// Lookups share what they have in common, and the roles that several of them
// need are asked for at once.
func TestLookupsShare(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 4)
	var paths []string
	for i := range 100 {
		paths = append(paths, fmt.Sprint("p", i))
		repo.Targets().AddToBin(paths[i], []byte("hello"))
	}
	repo.Publish()
	c := newClient(t, repo)
	var lookups []*verify.Lookup
	for _, p := range paths {
		lookups = append(lookups, c.session.Lookup(p), c.session.Lookup(p))
	}
	c.provide(c.forward("targets"))
	b, _ := c.session.Next()
	require.Len(t, b.Fetch, 16, "one request for each bin, all in one batch")
	for _, req := range b.Fetch {
		c.provide(req)
	}
	b, _ = c.session.Next()
	require.Len(t, b.Done, 200)
	for _, l := range lookups {
		_, err := l.Target()
		require.NoError(t, err)
	}
	require.NotNil(t, c.session.Lookup(paths[0]))
	b, _ = c.session.Next()
	require.Empty(t, b.Fetch)
	require.Len(t, b.Done, 1)
}

// A dropped lookup is not handed out, and nothing is asked for because of it.
func TestDrop(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	l, other := c.session.Lookup("a/1"), c.session.Lookup("top")
	c.session.Drop(l)
	c.provide(c.forward("targets"))
	b, _ := c.session.Next()
	require.Empty(t, b.Fetch, "nothing is asked for because of it")
	require.Equal(t, []*verify.Lookup{other}, b.Done)
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending)
	// Dropped when it is done and not handed out, or while it waits.
	l = c.session.Lookup("top")
	c.session.Drop(l)
	_, ok := c.session.Next()
	require.False(t, ok)
	l = c.session.Lookup("a/1")
	req := c.next()
	c.session.Drop(l)
	c.provide(req)
	b, _ = c.session.Next()
	require.Empty(t, b.Done)
	require.Len(t, b.Save, 1)
	c.mustFind("a/1")
}

// While a lookup waits for a file, the update is not over.
func TestUpdateIsNotOverWhileALookupIsOpen(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegateAll(repo, "a")
	repo.Publish()
	c := newClient(t, repo)
	require.NoError(t, c.update())
	c.session.Lookup("x")
	require.ErrorIs(t, c.session.Err(), verify.ErrInProgress)
}

// Step.Succinct tells succinct bins from roles that are listed: they have no
// place in a list.
func TestTrailSaysWhatIsSuccinct(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	bins := delegate(repo.Targets(), "bins", "bins/*")
	bins.DelegateSuccinct("bin", 2)
	bins.AddToBin("bins/x", nil)
	repo.Publish()
	c := newClient(t, repo)
	l := c.session.Lookup("bins/x")
	require.NoError(t, c.update())
	var succinct []bool
	for _, step := range l.Trail() {
		succinct = append(succinct, step.Succinct)
	}
	require.Equal(t, []bool{false, false, true}, succinct)
}
