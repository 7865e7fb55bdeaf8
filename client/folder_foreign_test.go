package client

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// otherClient writes a store as another client lays it out.
type otherClient func(t *testing.T, dir string, repo *verifytest.Repo)

// newestFiles returns the newest file of each role, by the name of the role.
func newestFiles(repo *verifytest.Repo) map[string][]byte {
	files := map[string][]byte{}
	for _, role := range []string{"root", "timestamp", "snapshot", "targets", "a/B role"} {
		files[role] = repo.Metadata()[repo.FileName(role)]
	}
	return files
}

// likeGoTUF has one file per role; delegated roles have escaped names.
func likeGoTUF(t *testing.T, dir string, repo *verifytest.Repo) {
	for role, data := range newestFiles(repo) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, metadata.Escape(role)+".json"), data, 0o644))
	}
}

// likePythonTUF has all roots in root_history, and a link to the newest.
func likePythonTUF(t *testing.T, dir string, repo *verifytest.Repo) {
	likeGoTUF(t, dir, repo)
	require.NoError(t, os.Mkdir(filepath.Join(dir, rootHistory), 0o755))
	newest := ""
	for v := range repo.Version("root") {
		name := strconv.FormatInt(v+1, 10) + ".root.json"
		newest = filepath.Join(rootHistory, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, newest), repo.Metadata()[name], 0o644))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, nameRoot)))
	require.NoError(t, os.Symlink(newest, filepath.Join(dir, nameRoot)))
}

var otherClients = map[string]otherClient{"go-tuf": likeGoTUF, "python-tuf": likePythonTUF}

// foreignRepo has a delegated role with a strange name, and two roots.
func foreignRepo(seed string) *verifytest.Repo {
	repo := seeded(seed, verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a/B role", Paths: []string{"x/*"}}).AddTarget("x/y", []byte("y"))
	repo.Rotate("root", 1, verifytest.NewKey("ed25519", seed+" second"))
	repo.Publish()
	return repo
}

// A program moves from another client and goes on with its folder: what it
// knew protects against rollback, and the files are replaced in time.
func TestFolderOfAnotherClient(t *testing.T) {
	for name, lay := range otherClients {
		t.Run(name, func(t *testing.T) {
			ctx, repo := t.Context(), foreignRepo("ours")
			old := repo.Metadata().Clone()
			repo.Publish()
			f := newTestFolder(t)
			lay(t, f.Path(), repo)
			before := contents(t, f.Path())

			setAside, err := f.Adopt(ctx, repo.TrustedRoot())
			require.NoError(t, err)
			require.Empty(t, setAside)
			require.Equal(t, before, contents(t, f.Path()), "and nothing else is done")
			_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), old)
			require.ErrorIs(t, err, verify.ErrRollback)
			hidden := repo.Metadata().Clone() // the newest root
			delete(hidden, "2.root.json")
			require.NoError(t, os.RemoveAll(filepath.Join(f.Path(), "2.root.json"))) // of the failed update
			_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), hidden)
			require.ErrorIs(t, err, verify.ErrRollback)

			repo.Rotate("root", 1, verifytest.NewKey("ed25519", "third"))
			repo.Publish()
			for range 2 {
				s, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
				require.NoError(t, err)
				require.Empty(t, s.Warnings())
			}
			info, err := os.Lstat(filepath.Join(f.Path(), nameRoot))
			require.NoError(t, err)
			require.True(t, info.Mode().IsRegular(), "the link is replaced")
			after := contents(t, f.Path())
			require.Equal(t, string(repo.Metadata()["3.root.json"]), after[nameRoot])
			for _, name := range []string{"root_history/1.root.json", "root_history/2.root.json", "a%2FB%20role.json"} {
				require.Equal(t, before[name], after[name], "the other client's own files are left")
			}
		})
	}
}

// The other client's store is of another repository, too.
func TestFolderOfAnotherClientAndRepository(t *testing.T) {
	for name, lay := range otherClients {
		t.Run(name, func(t *testing.T) {
			ctx, other, ours := t.Context(), foreignRepo("other"), foreignRepo("ours")
			f := newTestFolder(t)
			lay(t, f.Path(), other)
			before := contents(t, f.Path())
			trusted := ours.Metadata()["2.root.json"] // go-tuf has no other version
			setAside, err := f.Adopt(ctx, trusted)
			require.NoError(t, err)
			require.Equal(t, filepath.Join(f.Path(), "set-aside-1"), setAside)
			delete(before, "a%2FB%20role.json") // which no session reads
			require.Equal(t, before, contents(t, setAside))
			link, err := os.ReadFile(filepath.Join(setAside, nameRoot))
			require.NoError(t, err, "the link leads there")
			require.Equal(t, string(other.Metadata()["2.root.json"]), string(link))
			s, err := updateFrom(ctx, f, ours, trusted, ours.Metadata())
			require.NoError(t, err)
			require.Empty(t, s.Warnings())
		})
	}
}

// Only python-tuf's own link is followed, to a file in its own folder.
func TestFolderFollowsNoOtherLinks(t *testing.T) {
	f := newTestFolder(t)
	outside := t.TempDir()
	for _, dir := range []string{outside, filepath.Join(f.Path(), rootHistory)} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "1.root.json"), []byte("linked"), 0o600))
	}
	require.NoError(t, os.Symlink("1.root.json", filepath.Join(f.Path(), rootHistory, "2.root.json")))
	link := func(name, to string) {
		_ = os.Remove(filepath.Join(f.Path(), name))
		require.NoError(t, os.Symlink(to, filepath.Join(f.Path(), name)))
	}
	for _, c := range []struct {
		name, to string
		want     error // nil: it is followed
	}{
		{"root.json", "root_history/1.root.json", nil},
		{"root.json", "root_history/7.root.json", fs.ErrNotExist}, // which has been removed
		{"root.json", "root_history/2.root.json", ErrNotAFile},    // a link itself
		{"root.json", "root_history/../root_history/1.root.json", ErrNotAFile},
		{"root.json", filepath.Join(outside, "1.root.json"), ErrNotAFile},
		{"root.json", filepath.Join(f.Path(), rootHistory, "1.root.json"), ErrNotAFile},
		{"timestamp.json", "root_history/1.root.json", ErrNotAFile},
		{"1.root.json", "root_history/1.root.json", ErrNotAFile},
	} {
		link(c.name, c.to)
		data, err := f.Load(t.Context(), c.name)
		require.ErrorIs(t, err, c.want, c.to)
		if c.want == nil {
			require.Equal(t, "linked", string(data))
		}
	}
	require.NoError(t, os.RemoveAll(filepath.Join(f.Path(), rootHistory)))
	link(rootHistory, outside)
	link("root.json", "root_history/1.root.json")
	_, err := f.Load(t.Context(), "root.json")
	require.Error(t, err, "root_history leads outside")
}
