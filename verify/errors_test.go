package verify_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// An error about a file that was rejected and given up names the file once. An
// update that is not over says what it waits for.
func TestErrorsNameTheFileOnce(t *testing.T) {
	s := newClient(t, verifytest.New(verifytest.Options{})).session
	require.EqualError(t, s.Err(), "update is not over: call Next")
	b, _ := s.Next()
	require.EqualError(t, s.Err(), "update is not over: there is no good answer for 2.root.json yet")
	err := s.Provide(b.Fetch[0].ID, []byte("{"))
	const reason = "rejected: not well-formed TUF metadata: offset 1: the document ends here, want a name"
	require.EqualError(t, err, "2.root.json "+reason)
	require.NoError(t, s.Fail(b.Fetch[0].ID, err))
	require.EqualError(t, s.Err(), "2.root.json could not be fetched: "+reason)

	repo := withRoots(2)
	s = newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 1})
	b, _ = s.Next()
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()["2.root.json"]))
	s.Next()
	require.Equal(t, "timestamp.json", s.Outstanding()[0].Path, "ahead")
	require.ErrorContains(t, s.Err(), "no good answer for 3.root.json yet")
}

// An update that is superseded says by what, and what to do.
func TestSupersededError(t *testing.T) {
	err := verify.SupersededError{Role: "timestamp", Stored: 4, Own: 3}
	require.EqualError(t, &err, "timestamp: superseded: another process has stored version 4, "+
		"this update has version 3 (begin again from the store)")
	err = verify.SupersededError{Role: "snapshot", Stored: 2, Own: 3, Err: &verify.RollbackError{
		Role: "snapshot", File: "targets.json", Trusted: 4, Found: 3,
	}}
	require.EqualError(t, &err, "snapshot: superseded: version 3 may not follow version 2, which another process "+
		"has stored: "+err.Err.Error()+" (begin again from the store)")
}

// Names that would control a terminal are quoted.
func TestErrorsQuoteControlCharacters(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	role := "evil\x1b[2J"
	delegate(repo.Targets(), role, "*")
	repo.SetLifetime(role, 0)
	repo.Publish()
	c := newClient(t, repo)
	l := c.session.Lookup("x")
	require.NoError(t, c.update())
	_, err := l.Target()
	require.ErrorIs(t, err, roles.ErrExpired)
	for _, text := range []string{err.Error(), fmt.Sprint(l.Trail())} {
		require.Contains(t, text, `"evil\x1b[2J"`)
		require.NotContains(t, text, "\x1b")
	}
}

// Errors stay short and harmless, whatever a repository puts into names,
// digests and lists.
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
	a := delegate(repo.Targets(), "a"+long, "a")
	repo.Edit("targets", func(s object) {
		role := s["delegations"].(object)["roles"].([]any)[0].(object)
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
