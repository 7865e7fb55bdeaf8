package verify_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R15: a lookup is never answered from an update that failed, and what happens
// in one update changes no lookup of another.
func TestRenewAfterAFailure(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	noNetwork := errors.New("no network")
	early := c.session.Lookup("a/1")
	req := c.forward("targets")
	require.ErrorIs(t, c.session.Err(), verify.ErrInProgress)
	_, err := early.Target()
	require.ErrorIs(t, err, verify.ErrPending)

	// The update fails: pending lookups report it, and so do new ones.
	require.NoError(t, c.session.Fail(req.ID, noNetwork))
	late := c.session.Lookup("a/1")
	b, ok := c.session.Next()
	require.True(t, ok)
	require.Equal(t, []*verify.Lookup{early, late}, b.Done)
	for _, l := range b.Done {
		_, err := l.Target()
		require.ErrorIs(t, err, noNetwork)
	}
	require.Nil(t, c.session.Targets())

	// The next update: a lookup waits for it, and lookups that are done keep
	// their result.
	c.session = renew(t, c.session, repo.Now())
	waiting := c.session.Lookup("a/1")
	again := c.forward("a")
	require.Greater(t, again.ID.Update, req.ID.Update)
	c.provide(again)
	b, _ = c.session.Next()
	require.Equal(t, []*verify.Lookup{waiting}, b.Done)
	good, err := waiting.Target()
	require.NoError(t, err)
	_, err = early.Target()
	require.ErrorIs(t, err, noNetwork)

	// A later update that fails changes nothing of this.
	c.session = renew(t, c.session, repo.Now())
	between := c.session.Lookup("a/1")
	require.NoError(t, c.session.Fail(c.next().ID, noNetwork))
	_, _ = c.session.Next()
	_, err = between.Target()
	require.ErrorIs(t, err, noNetwork)
	same, err := waiting.Target()
	require.NoError(t, err)
	require.Same(t, good, same)
}

// A role that failed is asked for again by the next lookup.
func TestFailedRoleIsAskedForAgain(t *testing.T) {
	c := newClient(t, small())
	first := c.session.Lookup("a/1")
	require.NoError(t, c.session.Fail(c.forward("a").ID, errDisk))
	_, _ = c.session.Next()
	_, err := first.Target()
	require.ErrorIs(t, err, errDisk)
	require.NoError(t, c.session.Err(), "the update itself succeeded")
	c.mustFind("a/1")
}

// A file that was trusted in an earlier update is not trusted in the next one
// without further checks: its keys may be revoked, it may have expired, or
// another file of the same version may be listed.
func TestRenewTrustsNothingByItself(t *testing.T) {
	t.Run("revoked snapshot key", func(t *testing.T) {
		repo := small()
		c := newClient(t, repo)
		c.mustFind("a/1")
		repo.Rotate("snapshot", 1, repo.Key("new"))
		repo.SignWith("snapshot", repo.Key("snapshot")) // only the revoked one signs
		repo.PublishOnly("root")
		c.session = renew(t, c.session, repo.Now())
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
		c.session = renew(t, c.session, repo.Now())
		_, err := c.lookup("top")
		require.ErrorIs(t, err, roles.ErrThreshold)
	})
	t.Run("another snapshot of the same version", func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{MetaHashes: true})
		c := newClient(t, repo)
		_, err := c.lookup("x")
		require.ErrorIs(t, err, verify.ErrNoTarget)
		repo.Edit("snapshot", func(s object) { s["x"] = "y" })
		repo.SetVersion("snapshot", 1)
		repo.PublishOnly("snapshot", "timestamp")
		c.session = renew(t, c.session, repo.Now())
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
		c.session = renew(t, c.session, repo.Now())
		c.mustFind("x")
	})
}

// verifyFunc is a verifier of signatures that is a function.
type verifyFunc func(message, sig []byte) error

func (f verifyFunc) Verify(message, sig []byte) error { return f(message, sig) }

// testScheme is the scheme of keys that a test verifies by itself.
var testScheme = roles.Scheme{KeyType: "test", Scheme: "test"}

// withScheme returns options for ed25519 keys of the test scheme. Before a
// signature is verified, allow is called with the key.
func withScheme(allow func(metadata.Key) bool) verify.Options {
	newVerifier := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		return verifyFunc(func(message, sig []byte) error {
			if !allow(k) || !ed25519.Verify(public, message, sig) {
				return roles.ErrThreshold
			}
			return nil
		}), public, err
	}
	return verify.Options{Policy: roles.Policy{
		Schemes: map[roles.Scheme]roles.VerifierFunc{testScheme: newVerifier},
	}}
}

// R-5.6.7g: what was verified is verified again when a key changes in any way,
// even in a way that its public key does not show.
func TestRenewAfterAKeyChanged(t *testing.T) {
	options := withScheme(func(k metadata.Key) bool {
		return !strings.Contains(string(k.JSON()), "revoked")
	})
	for _, role := range []string{"snapshot", "targets"} {
		repo := verifytest.New(verifytest.Options{})
		id, revoked := repo.Keys(role)[0].ID(), false
		repo.Edit("root", func(signed object) {
			k := signed["keys"].(object)[id].(object)
			k["keytype"], k["scheme"] = testScheme.KeyType, testScheme.Scheme
			if revoked {
				k["keyval"].(object)["revoked"] = true
			}
		})
		repo.Touch("root")
		repo.Publish()
		s := newSession(t, repo, verify.Stored{}, options)
		require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
		s = renew(t, s, repo.Now())
		require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
		revoked = true
		repo.PublishOnly("root")
		s = renew(t, s, repo.Now())
		require.ErrorIs(t, s.Run(context.Background(), nil, repo.Metadata().Source()), roles.ErrThreshold, role)
	}
}

// A file that the keys signed under other IDs than the new root gives them
// still protects from a rollback, and is not used again (docs/decisions.md,
// "Key IDs are opaque").
func TestRenewAfterAKeyWasRenamed(t *testing.T) {
	for _, role := range []string{"snapshot", "targets"} {
		repo := verifytest.New(verifytest.Options{})
		c := newClient(t, repo)
		require.NoError(t, c.update())
		renameKey(repo, role, "renamed")
		repo.PublishOnly("root")
		c.session = renew(t, c.session, repo.Now())
		require.ErrorIs(t, c.update(), roles.ErrThreshold, role)
		repo.Publish()
		c.session = renew(t, c.session, repo.Now())
		require.NoError(t, c.update(), role)
	}
}

// A timestamp may say that the snapshot has no bytes. An empty file is still no
// snapshot, although there was one before.
func TestRenewWithNothing(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s := newClient(t, repo).session
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	repo.Edit("timestamp", func(signed object) {
		signed["meta"].(object)["snapshot.json"].(object)["length"] = 0
	})
	repo.Touch("timestamp")
	repo.PublishOnly("timestamp")
	s = renew(t, s, repo.Now())
	err := s.Run(context.Background(), nil, func(_ context.Context, r verify.Request) ([]byte, error) {
		if r.Role == "snapshot" {
			return nil, nil
		}
		return repo.Metadata().Source()(context.Background(), r)
	})
	require.ErrorIs(t, err, metadata.ErrSyntax)
}

// A file that was verified is not verified again: not by the next update, and
// not because a stored file protects from a rollback and is the answer too, or
// is the trusted root.
func TestVerifiedOnce(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	role := map[string]string{} // by public key
	for _, name := range []string{"root", "timestamp", "snapshot", "targets"} {
		k := *repo.Key("counted " + name)
		k.KeyType, k.Scheme = testScheme.KeyType, testScheme.Scheme
		repo.Rotate(name, 1, &k)
		role[k.Public] = name
	}
	repo.Publish()
	counts := map[string]int{} // signatures verified, by role
	options := withScheme(func(k metadata.Key) bool {
		counts[role[k.Public]]++
		return true
	})
	store := verifytest.Store{}
	run := func(s *verify.Session, root, timestamp, snapshot, targets int) {
		t.Helper()
		require.NoError(t, s.Run(context.Background(), store, repo.Metadata().Source()))
		got := []int{counts["root"], counts["timestamp"], counts["snapshot"], counts["targets"]}
		require.Equal(t, []int{root, timestamp, snapshot, targets}, got)
		clear(counts)
	}
	begin := func(stored verify.Stored) *verify.Session {
		s, err := verify.New(fileOf(repo, "root"), stored, repo.Now(), options)
		require.NoError(t, err)
		return s
	}
	s := begin(verify.Stored{})
	run(s, 1, 1, 1, 1)
	s = renew(t, s, repo.Now())
	run(s, 0, 0, 0, 0)
	s = begin(verify.LoadStored(context.Background(), store))
	run(s, 1, 1, 1, 1)
	// Another snapshot: the stored one is offered first. It is not verified
	// again to find out that it is the old one.
	repo.Touch("snapshot")
	repo.Publish()
	s = renew(t, s, repo.Now())
	run(s, 0, 1, 1, 0)
}

// A long chain of sessions does not hold on to files that newer ones have
// replaced.
func TestRenewFreesReplacedFiles(t *testing.T) {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	bins := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	bins.DelegateBins("bin", 1024)
	bins.AddToBin("file", []byte("0"))
	repo.Publish()
	s := newClient(t, repo).session
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	files := int64(0)
	for _, role := range []string{"snapshot", "targets", "bins"} {
		files += int64(len(fileOf(repo, role)))
	}
	replaced := func(name string, _ []byte) bool {
		return strings.HasSuffix(name, ".snapshot.json") && name != repo.FileName("snapshot") ||
			strings.HasSuffix(name, ".bins.json") && name != repo.FileName("bins")
	}
	var before int64
	for i := range 80 {
		bins.AddToBin("file", []byte(fmt.Sprint(i))) // another snapshot
		repo.Touch("bins")                           // another delegator
		repo.Publish()
		l := s.Lookup(fmt.Sprint("file-", i)) // another bin, which stays from here on
		require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrNoTarget)
		maps.DeleteFunc(repo.Metadata(), replaced)
		if i == 20 {
			before = heap()
		}
		s = renew(t, s, repo.Now())
	}
	t.Log(heap()-before, files)
	require.Less(t, heap()-before, 4*files, "and not 60 times as much")
	runtime.KeepAlive(s)
	runtime.KeepAlive(repo)
}
