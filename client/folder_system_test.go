package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestFolderOnFullDisk(t *testing.T) {
	require.NoError(t, asTest(func(s *systemTest) { s.fullDisk(s.injectFull) }, t.TempDir()))
	onSystem(t, "full disk")
}

func TestFolderOnReadOnlyDisk(t *testing.T) {
	require.NoError(t, asTest(func(s *systemTest) { s.readOnlyDisk(s.injectReadOnly) }, t.TempDir()))
	onSystem(t, "read-only disk")
}

// systemTest is a test that may run in a process of its own: require can use
// it.
type systemTest struct {
	path   string
	errors []string
	broken func(op, name string) error // an injected error of the disk; nil: none
}

func (t *systemTest) Errorf(format string, args ...any) {
	t.errors = append(t.errors, fmt.Sprintf(format, args...))
}
func (t *systemTest) FailNow() { panic(t) }

func asTest(test func(*systemTest), path string) (err error) {
	t := &systemTest{path: path}
	defer func() {
		if len(t.errors) > 0 {
			_ = recover()
			err = errors.New(strings.Join(t.errors, "\n"))
		}
	}()
	test(t)
	return nil
}

func (t *systemTest) open(name string) (*Folder, error) {
	return openFolder(filepath.Join(t.path, name), disk{step: func(op, name string) error {
		if t.broken == nil {
			return nil
		}
		return t.broken(op, name)
	}})
}

func (t *systemTest) store() (*Folder, *verifytest.Repo) {
	f, err := t.open("store")
	require.NoError(t, err)
	return f, seeded("system", verifytest.Options{})
}

// fullDisk fills the disk between two updates, at every size that is left.
func (t *systemTest) fullDisk(fill func(left int) (empty func())) {
	ctx := context.Background()
	refused := 0
	for left := 0; left < 32<<10; left += 4 << 10 {
		f, repo := t.store()
		require.NoError(t, f.Forget(ctx))
		_, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
		repo.Rotate("root", 1, verifytest.NewKey("ed25519", "next"))
		repo.Publish()
		empty := fill(left)
		_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
		if err != nil {
			refused++
			mustSayOnce(t, err, f.Path(), syscall.ENOSPC)
		}
		entries, err := os.ReadDir(f.Path())
		require.NoError(t, err)
		for _, e := range entries {
			require.NotRegexp(t, isTemp, e.Name())
			if data, err := f.Load(ctx, e.Name()); err == nil {
				require.NotEmpty(t, data, e.Name())
			}
		}
		empty()
		_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
	}
	require.Greater(t, refused, 1)
}

// injectFull has a disk with room for a file in each 4 KiB.
func (t *systemTest) injectFull(left int) (empty func()) {
	room := left / (4 << 10)
	t.broken = func(op, _ string) error {
		if op == "write" {
			if room--; room < 0 {
				return syscall.ENOSPC
			}
		}
		return nil
	}
	return func() { t.broken = nil }
}

func (t *systemTest) readOnlyDisk(makeReadOnly func() error) {
	ctx := context.Background()
	f, repo := t.store()
	_, err := f.Adopt(ctx, repo.TrustedRoot())
	require.NoError(t, err)
	_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	require.NoError(t, makeReadOnly())
	t.readOnly()
}

func (t *systemTest) injectReadOnly() error {
	t.broken = func(op, name string) error {
		if _, err := os.Stat(name); op == "make directory" && err == nil {
			return nil // it is there
		}
		return syscall.EROFS
	}
	return nil
}

// readOnly uses a folder that cannot be written to.
func (t *systemTest) readOnly() {
	ctx := context.Background()
	f, repo := t.store()
	setAside, err := f.Adopt(ctx, repo.TrustedRoot())
	require.NoError(t, err, "there is nothing to do")
	require.Empty(t, setAside)
	s, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err, "nothing is new, so nothing is saved")
	require.Empty(t, s.Warnings())

	repo.Publish()
	_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.ErrorIs(t, err, ErrReadOnly)
	require.ErrorIs(t, err, verify.ErrSave)
	require.Contains(t, err.Error(), f.Path())
	require.Equal(t, verify.KindStore, verify.KindOf(err))
	require.ErrorIs(t, f.Forget(ctx), ErrReadOnly)
	_, err = f.Adopt(ctx, seeded("other", verifytest.Options{}).TrustedRoot())
	require.ErrorIs(t, err, ErrReadOnly)
	_, err = t.open("new")
	require.ErrorIs(t, err, ErrReadOnly)

	view, err := OpenReadOnly(f.Path())
	require.NoError(t, err)
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, view), repo.Now(), verify.Options{})
	require.NoError(t, err)
	app := s.Lookup("app")
	require.NoError(t, s.Run(ctx, nil, verify.StoreSource(view)))
	_, err = app.Target()
	require.NoError(t, err)
}
