package verify_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestDecision2TheAnchorIsAnArgument(t *testing.T) {
	repo, evil := small(), verifytest.New(verifytest.Options{Seed: "evil"})
	evil.PublishOnly("root")
	// A root in the cache, of the attacker's keys, of a version that exists and
	// of one that does not (GHSA-9pfj-pjv5-22gj).
	repo.PublishOnly("root")
	store := verifytest.Store{"2.root.json": evil.Metadata()["2.root.json"]}
	s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))
	require.EqualValues(t, 2, s.Version("root"))
	require.Equal(t, repo.Metadata()["2.root.json"], store["2.root.json"], "and the forgery is replaced")

	// A stranger's root by mistake: nothing of it stays in the cache.
	evil.PublishOnly("root")
	store = verifytest.Store{}
	s, err = verify.New(evil.Metadata()["3.root.json"], verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, s.Run(store, repo.Metadata().Source()), roles.ErrThreshold)
	require.Empty(t, store)

	for _, anchor := range []string{"", "{}", "nonsense"} {
		_, err := verify.New([]byte(anchor), verify.Stored{}, repo.Now(), verify.Options{})
		require.ErrorContains(t, err, "trust anchor: ")
	}
	_, err = verify.New(repo.Metadata()["timestamp.json"], verify.Stored{}, repo.Now(), verify.Options{})
	require.ErrorContains(t, err, `want "root"`)
}

// an anchor that has expired long ago, and a cache
// whose roots are all good or partly poisoned.
func TestExpiredAnchor(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Advance(3 * 365 * 24 * time.Hour)
	for range 3 {
		repo.PublishOnly("root")
	}
	repo.Touch("targets")
	repo.Publish()
	store := verifytest.Store{}
	for _, poison := range []string{"", "2.root.json", "3.root.json", "4.root.json"} {
		if poison != "" {
			store[poison] = repo.TrustedRoot()
		}
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Run(store, repo.Metadata().Source()), poison)
		require.EqualValues(t, 4, s.Version("root"))
		require.Equal(t, repo.Metadata()["4.root.json"], store["root.json"])
		if poison != "" {
			require.Equal(t, repo.Metadata()[poison], store[poison], "and mended")
		}
	}
}

// R-5.3.3b (R4, tough-roots): only the word that it does not exist ends the
// chain of roots.
func TestOnlyNotFoundEndsTheChain(t *testing.T) {
	repo := small()
	for _, status := range []error{errors.New("403"), errors.New("500"), fs.ErrNotExist, fs.ErrPermission} {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		err = s.Run(nil, func(r verify.Request) ([]byte, error) {
			if r.Role == "root" {
				return nil, status
			}
			return repo.Metadata().Source()(r)
		})
		require.ErrorIs(t, err, status)
		require.Zero(t, s.Version("timestamp"))
	}
}
