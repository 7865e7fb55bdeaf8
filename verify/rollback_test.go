package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.5.5b, R7: a stored file that has expired is no longer used, but
// it still protects from a rollback.
func TestExpiredStoredFiles(t *testing.T) {
	repo := small()
	old := repo.Metadata().Clone()
	repo.Publish()
	store := verifytest.Store{}
	require.NoError(t, newClient(t, repo).session.Run(context.Background(), store, repo.Metadata().Source()))
	repo.Advance(30 * 24 * time.Hour) // timestamp and snapshot have expired
	run := func(files verifytest.Files) error {
		return resume(t, repo, store).Run(context.Background(), store, files.Source())
	}
	require.ErrorIs(t, run(old), roles.ErrRollback, "older, whether or not it has expired too")
	require.ErrorIs(t, run(repo.Metadata()), roles.ErrExpired)
	// New, but with a lower version of one role.
	repo.SetVersion("a", 1)
	repo.Edit("snapshot", func(s object) {
		s["meta"].(object)["targets.json"].(object)["version"] = int64(1)
	})
	repo.Publish()
	require.ErrorIs(t, run(repo.Metadata()), roles.ErrRollback)
	repo.Edit("snapshot", nil)
	repo.Publish()
	require.NoError(t, run(repo.Metadata()))
}

// renameKey lists a role's key under another ID in the next root.
func renameKey(repo *verifytest.Repo, role, id string) {
	renamed := *repo.Keys(role)[0]
	renamed.KeyID = id
	repo.Rotate(role, 1, &renamed)
}

// when a new root gives an old key another ID, the client does not
// forget what that key has signed (docs/decisions.md, "Key IDs are opaque").
func TestStoredVersionsSurviveAnotherKeyID(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot"} {
		repo := verifytest.New(verifytest.Options{})
		repo.SetVersion("snapshot", 9)
		repo.SetVersion("timestamp", 9)
		repo.Edit("snapshot", func(signed object) {
			signed["meta"].(object)["other.json"] = object{"version": int64(5)}
		})
		repo.Publish()
		store := verifytest.Store{}
		require.NoError(t, newClient(t, repo).session.Run(context.Background(), store, repo.Metadata().Source()))
		renameKey(repo, role, "renamed")
		repo.PublishOnly("root")
		repo.SetVersion(role, map[string]int64{"timestamp": 5, "snapshot": 10}[role])
		repo.Edit("snapshot", nil) // other.json is gone
		repo.Publish()
		err := resume(t, repo, store).Run(context.Background(), store, repo.Metadata().Source())
		require.ErrorIs(t, err, roles.ErrRollback, role)
		require.ErrorContains(t, err, role)
	}
}

// where the new file is wanted, the old one is no answer: its
// signature must name the key as the root does.
func TestRenamedKeyMustSignAgain(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	store := verifytest.Store{}
	require.NoError(t, newClient(t, repo).session.Run(context.Background(), store, repo.Metadata().Source()))
	renameKey(repo, "snapshot", "renamed")
	repo.PublishOnly("root")
	s := resume(t, repo, store)
	err := s.Run(context.Background(), store, repo.Metadata().Source())
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.Zero(t, s.Version("snapshot"))
}

// A timestamp of the version that is trusted already replaces nothing, although
// it is signed and expires later (docs/decisions.md, "An equal timestamp
// version").
func TestEqualTimestampVersion(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	c.mustFind("top")
	repo.SetVersion("timestamp", repo.Version("timestamp"))
	repo.SetLifetime("timestamp", 1000*time.Hour)
	repo.PublishOnly("timestamp")
	repo.Advance(23 * time.Hour)
	c.session = renew(t, c.session, repo.Now())
	target := c.mustFind("top")
	require.Equal(t, repo.Now().Add(time.Hour), target.Expires.UTC(), "the old one stays")
	repo.Advance(time.Hour)
	c.session = renew(t, c.session, repo.Now())
	req := c.forward("timestamp")
	require.ErrorIs(t, c.session.Provide(req.ID, c.body(req)), roles.ErrExpired)
	require.Equal(t, []verify.Request{req}, c.session.Outstanding(), "the request stays open")
	repo.PublishOnly("timestamp")
	c.provide(req) // a newer one
}
