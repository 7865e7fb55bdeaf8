package verify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.5.5b, R7: what has expired is no longer used, but nobody may
// fall behind it.
func TestExpiredFloors(t *testing.T) {
	repo := small()
	old := repo.Metadata().Clone()
	repo.Publish()
	store := verifytest.Store{}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))
	repo.Advance(30 * 24 * time.Hour) // timestamp and snapshot have expired
	run := func(files verifytest.Files) error {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
		require.NoError(t, err)
		return s.Run(store, files.Source())
	}
	require.ErrorIs(t, run(old), roles.ErrRollback, "older, whether or not it has expired too")
	require.ErrorIs(t, run(repo.Metadata()), roles.ErrExpired)
	// New, but with a role gone back.
	repo.SetVersion("a", 1)
	repo.Edit("snapshot", func(s map[string]any) {
		s["meta"].(map[string]any)["targets.json"].(map[string]any)["version"] = int64(1)
	})
	repo.Publish()
	require.ErrorIs(t, run(repo.Metadata()), roles.ErrRollback)
	repo.Edit("snapshot", nil)
	repo.Publish()
	require.NoError(t, run(repo.Metadata()))
}

// renameKey lists a role's key under another ID in the next root.
func renameKey(repo *verifytest.Repo, role string) {
	renamed := *repo.Keys(role)[0]
	renamed.KeyID = "renamed"
	repo.Rotate(role, 1, &renamed)
}

// Decision 7, R-5.3.11: a new root that gives an old key another ID does not
// make the client forget what that key has signed.
func TestFloorsSurviveAnotherKeyID(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot"} {
		repo := verifytest.New(verifytest.Options{})
		repo.SetVersion("snapshot", 9)
		repo.SetVersion("timestamp", 9)
		repo.Edit("snapshot", func(signed map[string]any) {
			signed["meta"].(map[string]any)["other.json"] = map[string]any{"version": int64(5)}
		})
		repo.Publish()
		store := verifytest.Store{}
		require.NoError(t, newClient(t, repo).session.Run(store, repo.Metadata().Source()))
		renameKey(repo, role)
		repo.PublishOnly("root")
		repo.SetVersion(role, map[string]int64{"timestamp": 5, "snapshot": 10}[role])
		repo.Edit("snapshot", nil) // the other file is gone
		repo.Publish()
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
		require.NoError(t, err)
		err = s.Run(store, repo.Metadata().Source())
		require.ErrorIs(t, err, roles.ErrRollback, role)
		require.ErrorContains(t, err, role)
	}
}

// decision 7: and yet the old file is no answer where the new one is
// wanted: there its signature must name the key as the root does.
func TestRenamedKeyMustSignAgain(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	store := verifytest.Store{}
	require.NoError(t, newClient(t, repo).session.Run(store, repo.Metadata().Source()))
	renameKey(repo, "snapshot")
	repo.PublishOnly("root")
	s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	err = s.Run(store, repo.Metadata().Source())
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.Zero(t, s.Version("snapshot"))
}

func TestDecision16EqualTimestamp(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	c.mustFind("top")
	// The same version with a later expiry: signed, and yet not newer.
	repo.SetVersion("timestamp", repo.Version("timestamp"))
	repo.SetLifetime("timestamp", 1000*time.Hour)
	repo.PublishOnly("timestamp")
	repo.Advance(23 * time.Hour)
	require.NoError(t, c.session.Refresh(repo.Now()))
	target := c.mustFind("top")
	require.Equal(t, repo.Now().Add(time.Hour), target.Expires.UTC(), "the old one is kept")
	repo.Advance(time.Hour)
	require.NoError(t, c.session.Refresh(repo.Now()))
	req := c.forward("timestamp")
	err := c.session.Provide(req.ID, c.body(req))
	require.ErrorIs(t, err, roles.ErrExpired)
	require.Equal(t, []verify.Request{req}, c.session.Outstanding(), "the request stays open")
	repo.PublishOnly("timestamp")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)), "for a newer one")
}
