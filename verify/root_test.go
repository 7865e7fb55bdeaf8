package verify_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The initial trusted root comes from the caller, and never from the store
// (docs/decisions.md, "The trusted root is an argument").
func TestTrustedRootIsAnArgument(t *testing.T) {
	repo, evil := small(), verifytest.New(verifytest.Options{Seed: "evil"})
	evil.PublishOnly("root")
	// GHSA-9pfj-pjv5-22gj: a root in the store that the attacker's keys signed,
	// of a version that exists.
	repo.PublishOnly("root")
	store := verifytest.Store{"2.root.json": evil.Metadata()["2.root.json"]}
	s := resume(t, repo, store)
	require.NoError(t, s.Run(context.Background(), store, repo.Metadata().Source()))
	require.EqualValues(t, 2, s.Version("root"))
	require.Equal(t, repo.Metadata()["2.root.json"], store["2.root.json"], "the forgery is replaced")

	// The root of another repository, by mistake: nothing of it is saved.
	evil.PublishOnly("root")
	store = verifytest.Store{}
	other := evil.Metadata()["3.root.json"]
	s, err := verify.New(other, verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, s.Run(context.Background(), store, repo.Metadata().Source()), roles.ErrThreshold)
	require.Empty(t, store)

	for _, root := range []string{"", "{}", "nonsense"} {
		_, err := verify.New([]byte(root), verify.Stored{}, repo.Now(), verify.Options{})
		require.ErrorContains(t, err, "initial trusted root: ")
	}
	timestamp := repo.Metadata()["timestamp.json"]
	_, err = verify.New(timestamp, verify.Stored{}, repo.Now(), verify.Options{})
	require.ErrorContains(t, err, `want "root"`)
}

// an initial trusted root that expired long ago, and
// a store whose roots are all good, or one of them is wrong.
func TestExpiredTrustedRoot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Advance(3 * 365 * 24 * time.Hour)
	for range 3 {
		repo.PublishOnly("root")
	}
	repo.Touch("targets")
	repo.Publish()
	store := verifytest.Store{}
	for _, wrong := range []string{"", "2.root.json", "3.root.json", "4.root.json"} {
		if wrong != "" {
			store[wrong] = repo.TrustedRoot()
		}
		s := resume(t, repo, store)
		require.NoError(t, s.Run(context.Background(), store, repo.Metadata().Source()), wrong)
		require.EqualValues(t, 4, s.Version("root"))
		require.Equal(t, repo.Metadata()["4.root.json"], store["root.json"])
		if wrong != "" {
			require.Equal(t, repo.Metadata()[wrong], store[wrong], "it is replaced")
		}
	}
}

// R-5.3.3b (R4, tough-roots): the chain of roots ends only where a source says
// that the next root does not exist.
func TestOnlyNotFoundEndsTheChain(t *testing.T) {
	repo := small()
	for _, status := range []error{
		errors.New("403"), errors.New("500"), fs.ErrNotExist, fs.ErrPermission,
	} {
		s := newClient(t, repo).session
		err := s.Run(context.Background(), nil, func(_ context.Context, r verify.Request) ([]byte, error) {
			if r.Role == "root" {
				return nil, status
			}
			return repo.Metadata().Source()(context.Background(), r)
		})
		require.ErrorIs(t, err, status)
		require.Zero(t, s.Version("timestamp"))
	}
}
