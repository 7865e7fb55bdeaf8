package verify_test

import (
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

func TestDecision18Refresh(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	early := c.session.Lookup("a/1")
	require.ErrorIs(t, c.session.Refresh(repo.Now()), verify.ErrInProgress, "even before Next: the request is open")
	req := c.forward("targets")
	require.ErrorIs(t, c.session.Refresh(repo.Now()), verify.ErrInProgress)
	require.ErrorIs(t, c.session.Err(), verify.ErrInProgress)
	_, err := early.Target()
	require.ErrorIs(t, err, verify.ErrPending)

	// The cycle fails: pending lookups report it, and so do those that come now
	// (R15).
	require.NoError(t, c.session.Fail(req.ID, errors.New("no network")))
	late := c.session.Lookup("a/1")
	b, ok := c.session.Next()
	require.True(t, ok)
	require.Equal(t, []*verify.Lookup{early, late}, b.Done)
	for _, l := range b.Done {
		_, err := l.Target()
		require.ErrorContains(t, err, "no network")
	}
	require.Nil(t, c.session.Targets())

	// The next cycle: Find waits for it, settled lookups keep their answer, IDs
	// go on.
	require.NoError(t, c.session.Refresh(repo.Now()))
	waiting := c.session.Lookup("a/1")
	again := c.forward("a")
	require.Greater(t, again.ID, req.ID)
	require.NoError(t, c.session.Provide(again.ID, c.body(again)))
	b, _ = c.session.Next()
	require.Equal(t, []*verify.Lookup{waiting}, b.Done)
	good, err := waiting.Target()
	require.NoError(t, err)
	_, err = early.Target()
	require.ErrorContains(t, err, "no network")

	// A cycle that fails later does not take back what was settled, and serves
	// nothing from before.
	require.NoError(t, c.session.Refresh(repo.Now()))
	between := c.session.Lookup("a/1")
	require.NoError(t, c.session.Fail(c.next().ID, errors.New("no network")))
	_, _ = c.session.Next()
	_, err = between.Target()
	require.ErrorContains(t, err, "no network")
	same, err := waiting.Target()
	require.NoError(t, err)
	require.Same(t, good, same)

	// A role that failed is asked for again by the next Find.
	c = newClient(t, repo)
	first := c.session.Lookup("a/1")
	require.NoError(t, c.session.Fail(c.forward("a").ID, errors.New("timeout")))
	_, _ = c.session.Next()
	_, err = first.Target()
	require.ErrorContains(t, err, "timeout")
	require.NoError(t, c.session.Err(), "the cycle itself succeeded")
	c.mustFind("a/1")
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

// revocable is a scheme whose keys say whether they have been revoked.
var revocable = roles.Scheme{KeyType: "revocable", Scheme: "revocable"}

type revocableVerifier struct {
	public  ed25519.PublicKey
	revoked bool
}

func (v revocableVerifier) Verify(message, sig []byte) error {
	if v.revoked || !ed25519.Verify(v.public, message, sig) {
		return roles.ErrThreshold
	}
	return nil
}

// R-5.6.7g: what was verified is verified again when a key changes in any way,
// be it one that its material does not show.
func TestRefreshAfterAKeyChanged(t *testing.T) {
	options := verify.Options{Policy: roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{revocable: func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		return revocableVerifier{public, strings.Contains(string(k.JSON()), "revoked")}, public, err
	}}}}
	for _, role := range []string{"snapshot", "targets"} {
		repo := verifytest.New(verifytest.Options{})
		id, revoked := repo.Keys(role)[0].ID(), false
		repo.Edit("root", func(signed map[string]any) {
			k := signed["keys"].(map[string]any)[id].(map[string]any)
			k["keytype"], k["scheme"] = revocable.KeyType, revocable.Scheme
			if revoked {
				k["keyval"].(map[string]any)["revoked"] = true
			}
		})
		repo.Touch("root")
		repo.Publish()
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), options)
		require.NoError(t, err)
		require.NoError(t, s.Run(nil, repo.Metadata().Source()))
		require.NoError(t, s.Refresh(repo.Now()))
		require.NoError(t, s.Run(nil, repo.Metadata().Source()))
		revoked = true
		repo.PublishOnly("root")
		require.NoError(t, s.Refresh(repo.Now()))
		require.ErrorIs(t, s.Run(nil, repo.Metadata().Source()), roles.ErrThreshold, role)
	}
}

// Decision 7: a file that the keys signed under other IDs than the new root
// gives them is still a floor, and does not serve again.
func TestRefreshAfterAKeyWasRenamed(t *testing.T) {
	for _, role := range []string{"snapshot", "targets"} {
		repo := verifytest.New(verifytest.Options{})
		key := *repo.Key("k")
		repo.Rotate(role, 1, &key)
		repo.Publish()
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Run(nil, repo.Metadata().Source()))
		renamed := key
		renamed.KeyID = "renamed"
		repo.Rotate(role, 1, &renamed)
		repo.PublishOnly("root")
		require.NoError(t, s.Refresh(repo.Now()))
		require.ErrorIs(t, s.Run(nil, repo.Metadata().Source()), roles.ErrThreshold, role)
		repo.Publish()
		require.NoError(t, s.Refresh(repo.Now()))
		require.NoError(t, s.Run(nil, repo.Metadata().Source()), role)
	}
}

// A timestamp may say that the snapshot has no bytes. Nothing is still no
// snapshot, although there was one before.
func TestRefreshWithNothing(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
	repo.Edit("timestamp", func(signed map[string]any) {
		signed["meta"].(map[string]any)["snapshot.json"].(map[string]any)["length"] = 0
	})
	repo.Touch("timestamp")
	repo.PublishOnly("timestamp")
	require.NoError(t, s.Refresh(repo.Now()))
	err = s.Run(nil, func(r verify.Request) ([]byte, error) {
		if r.Role == "snapshot" {
			return nil, nil
		}
		return repo.Metadata().Source()(r)
	})
	require.ErrorIs(t, err, metadata.ErrSyntax)
}

// A session that lives long keeps nothing of the files that newer ones have
// replaced.
func TestRefreshLetsGo(t *testing.T) {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	bins := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	bins.DelegateBins("bin", 1024)
	bins.AddToBin("file", []byte("0"))
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	files := int64(0)
	for _, role := range []string{"snapshot", "targets", "bins"} {
		files += int64(len(repo.Metadata()[repo.FileName(role)]))
	}
	var before int64
	for i := range 80 {
		bins.AddToBin("file", []byte(fmt.Sprint(i))) // another snapshot
		repo.Touch("bins")                           // another delegator
		repo.Publish()
		l := s.Lookup(fmt.Sprint("file-", i)) // another bin, to be kept from here on
		require.NoError(t, s.Run(nil, repo.Metadata().Source()))
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrNoTarget)
		maps.DeleteFunc(repo.Metadata(), func(name string, _ []byte) bool {
			return strings.HasSuffix(name, ".snapshot.json") && name != repo.FileName("snapshot") || strings.HasSuffix(name, ".bins.json") && name != repo.FileName("bins")
		})
		if i == 20 {
			before = heap()
		}
		require.NoError(t, s.Refresh(repo.Now()))
	}
	t.Log(heap()-before, files)
	require.Less(t, heap()-before, 4*files, "and not 60 times as much")
	runtime.KeepAlive(s)
	runtime.KeepAlive(repo)
}

// tally is a scheme that counts the signatures that are verified for a key.
var tally = roles.Scheme{KeyType: "tally", Scheme: "tally"}

type tallyVerifier struct {
	public ed25519.PublicKey
	count  *int
}

func (v tallyVerifier) Verify(message, sig []byte) error {
	*v.count++
	if !ed25519.Verify(v.public, message, sig) {
		return roles.ErrThreshold
	}
	return nil
}

// What is verified once is not verified again: by a refresh, or because a saved
// file is both the floor and the answer.
func TestVerifiedOnce(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	counts := map[string]*int{}
	role := map[string]string{} // by key
	for _, name := range []string{"timestamp", "snapshot", "targets"} {
		k := *repo.Key("tally " + name)
		k.KeyType, k.Scheme = tally.KeyType, tally.Scheme
		repo.Rotate(name, 1, &k)
		counts[name], role[k.Object()["keyval"].(map[string]any)["public"].(string)] = new(int), name
	}
	repo.Publish()
	options := verify.Options{Policy: roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{tally: func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		return tallyVerifier{public, counts[role[k.Public]]}, public, err
	}}}}
	store := verifytest.Store{}
	var s *verify.Session
	for _, c := range []struct {
		name  string
		begin func() error
		want  [3]int // timestamp, snapshot, targets
	}{
		{"cold", func() (err error) {
			s, err = verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), options)
			return err
		}, [3]int{1, 1, 1}},
		{"refreshed", func() error { return s.Refresh(repo.Now()) }, [3]int{1, 0, 0}},
		{"from saved files", func() (err error) {
			s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), options)
			return err
		}, [3]int{2, 1, 1}},
		{"with another snapshot", func() error {
			repo.Touch("snapshot")
			repo.Publish()
			return s.Refresh(repo.Now())
		}, [3]int{1, 2, 0}}, // the saved snapshot is offered first, and only its version tells that it is the old one
	} {
		for _, n := range counts {
			*n = 0
		}
		require.NoError(t, c.begin())
		require.NoError(t, s.Run(store, repo.Metadata().Source()))
		require.Equal(t, c.want, [3]int{*counts["timestamp"], *counts["snapshot"], *counts["targets"]}, c.name)
	}
}
