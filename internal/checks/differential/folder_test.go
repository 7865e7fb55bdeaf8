package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// What go-tuf has saved counts: its folder has the newest root, timestamp and
// snapshot under the names that verify.LoadStored looks for. Roles are fetched
// again.
func TestFolderOfGoTUF(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}}).AddTarget("a/x", []byte("x"))
	repo.Publish()
	old := repo.Metadata().Clone()
	repo.PublishOnly("root")
	repo.Touch("a")
	repo.Publish()
	folder := t.TempDir()
	paths := []string{"a/x"}
	theirs := runGoTUF(situation{repo.TrustedRoot(), repo.Metadata(), repo.Now(), paths}, folder)
	require.True(t, theirs.refreshed, theirs.reasons)
	require.True(t, strings.HasPrefix(theirs.lookups[0], "found"), theirs.lookups)

	store := verifytest.Store{}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		store[filepath.Base(file)], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	require.Contains(t, store, "root.json")
	update := func(mirror verifytest.Files) (*verify.Session, error) {
		ctx := context.Background()
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.Empty(t, s.Warnings())
		l := s.Lookup("a/x")
		if err := s.Run(ctx, nil, mirror.Source()); err != nil {
			return s, err
		}
		_, err = l.Target()
		return s, err
	}
	s, err := update(repo.Metadata())
	require.NoError(t, err)
	require.EqualValues(t, 2, s.Version("root"))

	// The old state of the repository is a rollback: of its roots, and of its
	// timestamp.
	_, err = update(old)
	require.ErrorIs(t, err, verify.ErrRollback)
	old["2.root.json"] = repo.Metadata()["2.root.json"]
	_, err = update(old)
	require.ErrorIs(t, err, verify.ErrRollback)
	require.ErrorContains(t, err, "timestamp: rollback: version 3 was trusted before, found version 2")
}
