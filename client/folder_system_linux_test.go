package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// cannotMount is the exit code of a process that may not mount a file system.
const cannotMount = 77

// runOnSystem is for tests that need a file system, or a user, of their own.
func (c folderChild) runOnSystem() error {
	switch c.Do {
	case "full disk":
		return c.onTmpfs(func(t *systemTest) { t.fullDisk() })
	case "read-only disk":
		return c.onTmpfs(func(t *systemTest) { t.readOnlyDisk() })
	case "no permission":
		if err := syscall.Setgid(65534); err != nil {
			return err
		}
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
		return asTest(func(t *systemTest) { t.readOnly() }, c.Folder)
	}
	return fmt.Errorf("%q is unknown", c.Do)
}

// systemTest is a test in a process of its own: require can use it.
type systemTest struct {
	path   string
	errors []string
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

// onTmpfs runs a test in a file system of 64 KiB, which no other process sees.
func (c folderChild) onTmpfs(test func(*systemTest)) error {
	err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, "")
	if err == nil {
		err = os.MkdirAll(c.Folder, 0o700)
	}
	if err == nil {
		err = syscall.Mount("tmpfs", c.Folder, "tmpfs", 0, "size=64k,mode=0700")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(cannotMount)
	}
	return asTest(test, c.Folder)
}

func (t *systemTest) store() (*Folder, *verifytest.Repo) {
	f, err := OpenFolder(filepath.Join(t.path, "store"))
	require.NoError(t, err)
	return f, seeded("system", verifytest.Options{})
}

// fullDisk fills the disk between two updates, at every size that is left.
func (t *systemTest) fullDisk() {
	ctx := context.Background()
	refused := 0
	for left := 0; left < 32<<10; left += 4 << 10 {
		f, repo := t.store()
		require.NoError(t, f.Forget(ctx))
		_, err := updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
		repo.Rotate("root", 1, verifytest.NewKey("ed25519", "next"))
		repo.Publish()
		filler := filepath.Join(t.path, "filler")
		t.fill(filler, left)
		_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
		if err != nil {
			refused++
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.ErrorIs(t, err, verify.ErrSave)
			require.Equal(t, verify.KindStore, verify.KindOf(err))
			require.Equal(t, 1, strings.Count(err.Error(), f.Path()), err.Error())
			require.Equal(t, 1, strings.Count(err.Error(), "no space left on device"), err.Error())
		}
		entries, err := os.ReadDir(f.Path())
		require.NoError(t, err)
		for _, e := range entries {
			require.NotRegexp(t, isTemp, e.Name())
			if data, err := f.Load(ctx, e.Name()); err == nil {
				require.NotEmpty(t, data, e.Name())
			}
		}
		require.NoError(t, os.Remove(filler))
		_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
		require.NoError(t, err)
	}
	require.Greater(t, refused, 1)
}

// fill fills the disk but for so many bytes.
func (t *systemTest) fill(path string, left int) {
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	size := 0
	for err == nil {
		var n int
		n, err = f.Write(make([]byte, 4<<10))
		size += n
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Truncate(int64(max(0, size-left))))
}

func (t *systemTest) readOnlyDisk() {
	ctx := context.Background()
	f, repo := t.store()
	_, err := f.Adopt(ctx, repo.TrustedRoot())
	require.NoError(t, err)
	_, err = updateFrom(ctx, f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	require.NoError(t, syscall.Mount("", t.path, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	t.readOnly()
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
	_, err = OpenFolder(filepath.Join(t.path, "new"))
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

// onSystem runs a child in a mount namespace of its own.
func onSystem(t *testing.T, do string) {
	cmd := folderChild{Folder: filepath.Join(t.TempDir(), "disk"), Do: do}.command(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	exit := new(exec.ExitError)
	if err != nil && !errors.As(err, &exit) || exit.ProcessState != nil && exit.ExitCode() == cannotMount {
		t.Skipf("no file system can be mounted here: %v %v", err, cmd.Stderr)
	}
	require.NoError(t, err, cmd.Stderr)
}

func TestFolderOnFullDisk(t *testing.T)     { onSystem(t, "full disk") }
func TestFolderOnReadOnlyDisk(t *testing.T) { onSystem(t, "read-only disk") }

// The folder belongs to another user, who lets others read it.
func TestFolderWithoutPermission(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	above, err := os.MkdirTemp("", "tufwalk")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(above) })
	require.NoError(t, os.Chmod(above, 0o755))
	s := &systemTest{path: above}
	f, repo := s.store()
	_, err = f.Adopt(t.Context(), repo.TrustedRoot())
	require.NoError(t, err)
	_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	require.NoError(t, os.Chmod(f.Path(), 0o755))
	for _, name := range inFolder(t, f.Path()) {
		require.NoError(t, os.Chmod(filepath.Join(f.Path(), name), 0o644))
	}
	cmd := folderChild{Folder: above, Do: "no permission"}.command(t)
	require.NoError(t, cmd.Run(), cmd.Stderr.(*bytes.Buffer))
}
