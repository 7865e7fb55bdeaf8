package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A store that cannot be read is not the same as an empty one.
func TestLoadStored(t *testing.T) {
	repo := small()
	s := resume(t, repo, loadFunc(func(name string) ([]byte, error) {
		if name == "timestamp.json" {
			return nil, errors.New("input/output error")
		}
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}))
	warnings := s.Warnings()
	require.Len(t, warnings, 1)
	require.ErrorContains(t, warnings[0], "timestamp: ")
	require.ErrorIs(t, warnings[0], verify.ErrStoredFile)
	require.ErrorContains(t, warnings[0], "input/output error")
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	require.Empty(t, resume(t, repo, verifytest.Store{}).Warnings(), "a first run")
}

// there is one warning for each stored file that is too long, or that
// is missing while others are there, and no other warning.
func TestWarningsAboutStoredFiles(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	all := verify.Stored{
		Root:      [][]byte{fileOf(repo, "root")},
		Timestamp: [][]byte{fileOf(repo, "timestamp")},
		Snapshot:  [][]byte{fileOf(repo, "snapshot")},
	}
	warnings := func(stored verify.Stored, l verify.Limits) []error {
		return newSession(t, repo, stored, verify.Options{Limits: l}).Warnings()
	}
	for role, limits := range map[string]func(int64) verify.Limits{
		"root":      func(n int64) verify.Limits { return verify.Limits{MaxRootBytes: n} },
		"timestamp": func(n int64) verify.Limits { return verify.Limits{MaxTimestampBytes: n} },
		"snapshot":  func(n int64) verify.Limits { return verify.Limits{MaxSnapshotBytes: n} },
	} {
		size := int64(len(fileOf(repo, role)))
		require.Empty(t, warnings(all, limits(size)), role)
		list := warnings(all, limits(size-1))
		require.Len(t, list, 1, role)
		require.ErrorContains(t, list[0], role+": ")
		var limit *verify.LimitError
		require.ErrorAs(t, list[0], &limit)
		require.Equal(t, &verify.LimitError{Role: role, What: "bytes", Max: size - 1, Got: size}, limit)
	}
	for _, c := range []struct {
		stored  verify.Stored
		missing string
	}{
		{verify.Stored{}, ""},
		{verify.Stored{Root: all.Root}, "timestamp snapshot"},
		{verify.Stored{Timestamp: all.Timestamp}, "root snapshot"},
		{verify.Stored{Snapshot: all.Snapshot}, "root timestamp"},
	} {
		var names []string
		for _, warning := range warnings(c.stored, verify.Limits{}) {
			require.ErrorIs(t, warning, fs.ErrNotExist)
			role, _, _ := strings.Cut(warning.Error(), ":")
			names = append(names, role)
		}
		require.Equal(t, c.missing, strings.Join(names, " "))
	}
	empty := loadFunc(func(string) ([]byte, error) { return nil, verify.ErrNotAtSource })
	absent := verify.LoadStored(context.Background(), empty)
	require.Empty(t, warnings(absent, verify.Limits{}), "nothing stored is a first run")

	s := newSession(t, repo, verify.Stored{Root: [][]byte{[]byte("x")}}, verify.Options{})
	require.Len(t, s.Warnings(), 3)
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	s = renew(t, s, repo.Now())
	require.Empty(t, s.Warnings(), "said once")
}

// A stored file that no session would have accepted does not count, and costs
// no time.
func TestHugeStoredFiles(t *testing.T) {
	repo := small()
	s := newSession(t, repo, verify.Stored{
		Root:      [][]byte{make([]byte, 512_001)},
		Timestamp: [][]byte{make([]byte, 32_769)},
		Snapshot:  [][]byte{make([]byte, 8_000_001)},
	}, verify.Options{})
	require.Len(t, s.Warnings(), 3)
	for _, warning := range s.Warnings() {
		require.ErrorIs(t, warning, verify.ErrStoredFile)
		require.ErrorIs(t, warning, verify.ErrLimit)
	}
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
}

// A stored root counts only if its own keys signed it (docs/decisions.md, "What
// the stored files are for").
func TestForgedStoredRoot(t *testing.T) {
	repo := small()
	forger := verifytest.New(verifytest.Options{Seed: "a forger's"})
	forger.SetVersion("root", 9)
	forger.EditEnvelope("root", func(e object) { e["signatures"] = []any{} })
	forger.PublishOnly("root")
	forged := forger.Metadata()["9.root.json"]
	s := newSession(t, repo, verify.Stored{Root: [][]byte{forged}}, verify.Options{})
	require.ErrorIs(t, s.Warnings()[0], roles.ErrThreshold)
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	// If its own keys signed it, it counts, no matter who made it. It is the
	// only stored file that can stop an update.
	forger.EditEnvelope("root", nil)
	forger.SetVersion("root", 9)
	forger.PublishOnly("root")
	forged = forger.Metadata()["9.root.json"]
	s = newSession(t, repo, verify.Stored{Root: [][]byte{forged}}, verify.Options{})
	err := s.Run(context.Background(), nil, repo.Metadata().Source())
	require.ErrorIs(t, err, roles.ErrRollback)
	var stored *verify.StoredRootError
	require.ErrorAs(t, err, &stored)
	require.Equal(t, verify.StoredRootError{Name: "root.json", Stored: 9, Found: 1}, *stored)
}

// a stored snapshot replaces a download only if it is the very file
// that the timestamp lists.
func TestStoredSnapshot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	store := verifytest.Store{}
	require.NoError(t, newClient(t, repo).session.Run(context.Background(), store, repo.Metadata().Source()))
	asked := func() (paths []string) {
		s := resume(t, repo, store)
		require.NoError(t, s.Run(t.Context(), store, asking(&paths, repo.Metadata().Source())))
		return paths
	}
	require.Equal(t, []string{"2.root.json", "timestamp.json"}, asked())
	// The same version again with other content, which a repository should not
	// publish.
	repo.Edit("snapshot", func(s object) { s["x"] = "y" })
	repo.SetVersion("snapshot", 1)
	repo.PublishOnly("snapshot", "timestamp")
	require.Equal(t, []string{"2.root.json", "timestamp.json", "1.snapshot.json"}, asked())
}
