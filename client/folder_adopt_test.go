package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// seeded returns a repository with keys of its own, and a new root.
func seeded(seed string, o verifytest.Options) *verifytest.Repo {
	o.Seed = seed
	repo := verifytest.New(o)
	repo.Targets().AddTarget("app", []byte(seed))
	repo.Publish()
	return repo
}

// storeOf returns a folder with the newest state of a repository.
func storeOf(t *testing.T, repo *verifytest.Repo) *Folder {
	t.Helper()
	f := newTestFolder(t)
	setAside, err := f.Adopt(t.Context(), repo.TrustedRoot())
	require.NoError(t, err)
	require.Empty(t, setAside)
	_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	return f
}

// contents returns all files below a folder but the lock file.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == lockName {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	}))
	return files
}

// The repository was founded anew, or the program has moved from a staging
// repository. Without Adopt the user is locked out on every run; with it the
// old store is set aside, and a fresh one begins (R18).
func TestFolderOfAnotherRepository(t *testing.T) {
	for name, o := range map[string]verifytest.Options{"": {}, "dsse": {EnvelopeFormat: metadata.DSSE}} {
		t.Run(name, func(t *testing.T) {
			ctx, options := t.Context(), verify.Options{EnvelopeFormat: o.EnvelopeFormat}
			staging, production := seeded("staging", o), seeded("production", o)
			update := func(f *Folder, repo *verifytest.Repo) error {
				s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, f), repo.Now(), options)
				require.NoError(t, err)
				return s.Run(ctx, f, repo.Metadata().Source())
			}
			staging.Rotate("root", 1, verifytest.NewKey("ed25519", "next"))
			staging.Publish()
			f := newTestFolder(t)
			_, err := f.AdoptWith(ctx, staging.TrustedRoot(), options)
			require.NoError(t, err)
			require.NoError(t, update(f, staging))
			before := contents(t, f.Path())
			require.Contains(t, before, "2.root.json")
			require.ErrorIs(t, update(f, production), verify.ErrRollback, "the lock-out")

			f, err = OpenFolder(f.Path())
			require.NoError(t, err)
			setAside, err := f.AdoptWith(ctx, production.TrustedRoot(), options)
			require.NoError(t, err)
			require.Equal(t, filepath.Join(f.Path(), "set-aside-1"), setAside)
			require.Equal(t, before, contents(t, setAside))
			require.Equal(t, []string{lockName, "1.root.json", "set-aside-1"}, inFolder(t, f.Path()))
			require.NoError(t, update(f, production))

			setAside, err = f.AdoptWith(ctx, production.TrustedRoot(), options)
			require.NoError(t, err)
			require.Empty(t, setAside, "once")
			require.NoError(t, update(f, production))
		})
	}
}

// Nothing but a saved root of the trusted root's version, which its own keys
// signed, sets a store aside.
func TestFolderIsNotSetAside(t *testing.T) {
	repo, other := seeded("ours", verifytest.Options{}), seeded("other", verifytest.Options{})
	newer := seeded("newer", verifytest.Options{})
	newer.Rotate("root", 1, verifytest.NewKey("ed25519", "next"))
	newer.Publish()
	otherRoot := string(other.TrustedRoot())
	resigned := strings.Replace(string(repo.TrustedRoot()), "{", "{\n\n", 1)
	for name, damage := range map[string]map[string]string{
		"nothing is stored":            {"root.json": "", "1.root.json": "", "timestamp.json": "", "snapshot.json": ""},
		"roots are missing":            {"root.json": "", "1.root.json": ""},
		"roots are junk":               {"root.json": "junk", "1.root.json": "junk"},
		"roots are cut":                {"root.json": otherRoot[:100], "1.root.json": otherRoot[:100]},
		"signed by nobody":             {"root.json": corrupt(otherRoot), "1.root.json": corrupt(otherRoot)},
		"newer, without a connection":  {"root.json": string(newer.Metadata()["2.root.json"])},
		"newer under the wrong name":   {"1.root.json": string(newer.Metadata()["2.root.json"]), "root.json": ""},
		"another root, under its name": {"2.root.json": string(newer.Metadata()["2.root.json"])},
		"the same in other bytes":      {"root.json": resigned, "1.root.json": resigned},
		"another newest root":          {"root.json": otherRoot}, // 1.root.json decides
	} {
		t.Run(name, func(t *testing.T) {
			f := storeOf(t, repo)
			for name, text := range damage {
				path := filepath.Join(f.Path(), name)
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
				if text == "" {
					require.NoError(t, os.Remove(path))
				}
			}
			before := contents(t, f.Path())
			setAside, err := f.Adopt(t.Context(), repo.TrustedRoot())
			require.NoError(t, err)
			require.Empty(t, setAside)
			if len(before) > 1 { // more than the file of a targets role
				require.Equal(t, before, contents(t, f.Path()))
			}
		})
	}
}

func corrupt(root string) string { return strings.Replace(root, `"expires": "20`, `"expires": "21`, 1) }

// A store that has the old root only as root.json, as that of go-tuf.
func TestFolderOfAnotherRepositoryByItsNewestRoot(t *testing.T) {
	ours, other := seeded("ours", verifytest.Options{}), seeded("other", verifytest.Options{})
	f := storeOf(t, other)
	require.NoError(t, os.Remove(filepath.Join(f.Path(), "1.root.json")))
	setAside, err := f.Adopt(t.Context(), ours.TrustedRoot())
	require.NoError(t, err)
	require.NotEmpty(t, setAside)
}

// What is no record is not moved and not removed.
func TestFolderLeavesOtherFiles(t *testing.T) {
	ours, other := seeded("ours", verifytest.Options{}), seeded("other", verifytest.Options{})
	f := storeOf(t, other)
	for _, name := range []string{"config.json", "notes.txt", "Root.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(f.Path(), name), []byte("mine"), 0o600))
	}
	setAside, err := f.Adopt(t.Context(), ours.TrustedRoot())
	require.NoError(t, err)
	require.NoError(t, f.Forget(t.Context()))
	require.Equal(t, []string{lockName, "Root.json", "config.json", "notes.txt", "set-aside-1"}, inFolder(t, f.Path()))
	require.Contains(t, contents(t, setAside), "timestamp.json", "a store that is set aside is left, too")
}

func TestFolderAdoptRefusesABadRoot(t *testing.T) {
	repo := seeded("ours", verifytest.Options{})
	f := storeOf(t, repo)
	before := contents(t, f.Path())
	for _, root := range []string{
		"", "junk", corrupt(string(repo.TrustedRoot())), string(repo.Metadata()["timestamp.json"]),
	} {
		_, err := f.Adopt(t.Context(), []byte(root))
		require.ErrorIs(t, err, verify.ErrTrustedRoot)
		require.Equal(t, verify.KindMistake, verify.KindOf(err))
	}
	require.Equal(t, before, contents(t, f.Path()))
}

// Two programs share a folder by mistake. The one that lost it does not write
// into the other's store, nor forget it, and says why.
func TestFolderBelongsToOneRepository(t *testing.T) {
	ctx := t.Context()
	ours, other := seeded("ours", verifytest.Options{}), seeded("other", verifytest.Options{})
	long := storeOf(t, ours)
	f, err := OpenFolder(long.Path())
	require.NoError(t, err)
	_, err = f.Adopt(ctx, other.TrustedRoot())
	require.NoError(t, err)
	before := contents(t, f.Path())
	ours.Publish()
	_, err = updateFrom(ctx, long, ours, ours.TrustedRoot(), ours.Metadata())
	require.ErrorIs(t, err, ErrOtherRepository)
	require.ErrorContains(t, err, long.Path()+
		" could not be locked: the folder belongs to another repository now: see 1.root.json in it")
	require.Equal(t, verify.KindStore, verify.KindOf(err))
	require.ErrorIs(t, long.Forget(ctx), ErrOtherRepository)
	require.ErrorIs(t, long.Save(ctx, record("root.json", "x")), ErrOtherRepository)
	require.Equal(t, before, contents(t, f.Path()))
	_, err = updateFrom(ctx, f, other, other.TrustedRoot(), other.Metadata())
	require.NoError(t, err)

	_, err = long.Adopt(ctx, ours.TrustedRoot()) // on purpose, it takes it back
	require.NoError(t, err)
	_, err = updateFrom(ctx, long, ours, ours.TrustedRoot(), ours.Metadata())
	require.NoError(t, err)
}

// Programs that take a folder from each other again and again do not fill the
// disk.
func TestFolderSetsAsideSoManyStores(t *testing.T) {
	ctx := t.Context()
	repos := []*verifytest.Repo{seeded("a", verifytest.Options{}), seeded("b", verifytest.Options{})}
	f := newTestFolder(t)
	for n := range 1 + maxSetAside {
		_, err := f.Adopt(ctx, repos[n%2].TrustedRoot())
		require.NoError(t, err)
	}
	before := contents(t, f.Path())
	_, err := f.Adopt(ctx, repos[(1+maxSetAside)%2].TrustedRoot())
	require.ErrorContains(t, err, f.Path()+" could not be set aside: stores of 16 other repositories lie there already")
	require.Equal(t, before, contents(t, f.Path()))
	require.NoError(t, os.RemoveAll(filepath.Join(f.Path(), "set-aside-7")))
	setAside, err := f.Adopt(ctx, repos[(1+maxSetAside)%2].TrustedRoot())
	require.NoError(t, err)
	require.Equal(t, filepath.Join(f.Path(), "set-aside-7"), setAside)
}

// Each operation of Adopt fails in turn. No record is lost, and the next call
// does what is left.
func TestFolderEachStepOfAdoptFails(t *testing.T) {
	ours, other := seeded("ours", verifytest.Options{}), seeded("other", verifytest.Options{})
	for n, over := 1, false; !over; n++ {
		f := storeOf(t, other)
		before := contents(t, f.Path())
		step := 0
		broken, err := openFolder(f.Path(), disk{step: func(string, string) error {
			if step++; step == n {
				return errDisk
			}
			return nil
		}})
		if err == nil {
			_, err = broken.Adopt(t.Context(), ours.TrustedRoot())
		}
		if over = step < n; over {
			require.NoError(t, err)
			require.Greater(t, n, 12)
			continue
		}
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, f.Path())
		mustBeAdoptable(t, f.Path(), ours, before)
	}
}

// mustBeAdoptable requires that a folder can be adopted, and that every record
// of before has been set aside then.
func mustBeAdoptable(t *testing.T, path string, repo *verifytest.Repo, before map[string]string) {
	t.Helper()
	f, err := OpenFolder(path)
	require.NoError(t, err)
	_, err = f.Adopt(t.Context(), repo.TrustedRoot())
	require.NoError(t, err)
	_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	found := map[string]string{}
	for name, text := range contents(t, path) {
		if dir, base, ok := strings.Cut(name, "/"); ok && strings.HasPrefix(dir, "set-aside-") {
			found[base] = text
		} else {
			require.NotRegexp(t, isTemp, name)
		}
	}
	require.Equal(t, before, found)
}

// Forget begins anew: also with a rollback, so it is for the user to call.
func TestFolderForget(t *testing.T) {
	ctx, repo := t.Context(), seeded("ours", verifytest.Options{})
	old := repo.Metadata().Clone()
	f := storeOf(t, repo)
	repo.Publish()
	_, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), old)
	require.ErrorIs(t, err, verify.ErrRollback)
	require.NoError(t, f.Forget(ctx))
	require.Equal(t, []string{lockName}, inFolder(t, f.Path()))
	s, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), old)
	require.NoError(t, err)
	require.Empty(t, s.Warnings())
	require.NoError(t, f.Forget(ctx))
	require.NoError(t, f.Forget(ctx), "of nothing")
}

func TestFolderEachStepOfForgetFails(t *testing.T) {
	repo := seeded("ours", verifytest.Options{})
	for n, over := 1, false; !over; n++ {
		f := storeOf(t, repo)
		step := 0
		f.disk.step = func(string, string) error {
			if step++; step == n {
				return errDisk
			}
			return nil
		}
		err := f.Forget(t.Context())
		f.disk.step = nil
		if over = step < n; over {
			require.NoError(t, err)
			require.Greater(t, n, 6)
			continue
		}
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, f.Path())
		_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
		require.NoError(t, f.Forget(t.Context()))
		require.Equal(t, []string{lockName}, inFolder(t, f.Path()))
	}
}
