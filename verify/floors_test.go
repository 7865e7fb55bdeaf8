package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

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

// Keep lets a session write the root that another one has written already.
func TestKeepTheSameRoot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	repo.Publish()
	c := newClient(t, repo)
	require.NoError(t, c.session.Run(nil, repo.Metadata().Source()))
	root := repo.Metadata()["2.root.json"]
	require.True(t, c.session.Keep(verify.Record{Role: "root", Version: 2, StoreName: "root.json", Data: root}, verify.Stored{Root: root}))
	require.False(t, c.session.Keep(verify.Record{Role: "root", Version: 1, StoreName: "root.json", Data: repo.TrustedRoot()}, verify.Stored{Root: root}))
}
