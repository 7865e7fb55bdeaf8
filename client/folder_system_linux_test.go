package client

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// cannotMount is the exit code of a process that may not mount a file system.
const cannotMount = 77

// runOnSystem is for tests that need a file system, or a user, of their own.
func (c folderChild) runOnSystem() error {
	switch c.Do {
	case "full disk":
		return c.onTmpfs(func(t *systemTest) { t.fullDisk(t.fill) })
	case "read-only disk":
		return c.onTmpfs(func(t *systemTest) { t.readOnlyDisk(t.remountReadOnly) })
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

// fill fills the disk but for so many bytes.
func (t *systemTest) fill(left int) (empty func()) {
	path := filepath.Join(t.path, "filler")
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
	return func() { require.NoError(t, os.Remove(path)) }
}

func (t *systemTest) remountReadOnly() error {
	return syscall.Mount("", t.path, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
}

// onSystem runs a child in a mount namespace of its own, if the system has one
// for it. Injected errors show the same where it has none.
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
		t.Logf("no file system can be mounted here: %v %v", err, cmd.Stderr)
		return
	}
	require.NoError(t, err, cmd.Stderr)
}

// The folder can only be read: as a rule, it belongs to another user.
func TestFolderWithoutPermission(t *testing.T) {
	above, err := os.MkdirTemp("", "tufwalk")
	require.NoError(t, err)
	s := &systemTest{path: above}
	f, repo := s.store()
	_, err = f.Adopt(t.Context(), repo.TrustedRoot())
	require.NoError(t, err)
	_, err = updateFrom(t.Context(), f, repo, repo.TrustedRoot(), repo.Metadata())
	require.NoError(t, err)
	for _, name := range inFolder(t, f.Path()) {
		require.NoError(t, os.Chmod(filepath.Join(f.Path(), name), 0o444))
	}
	for _, dir := range []string{f.Path(), above} {
		require.NoError(t, os.Chmod(dir, 0o555))
	}
	t.Cleanup(func() {
		require.NoError(t, os.Chmod(above, 0o755))
		require.NoError(t, os.Chmod(f.Path(), 0o755))
		require.NoError(t, os.RemoveAll(above))
	})
	if os.Geteuid() != 0 { // only root can become another user, and is refused nothing
		require.NoError(t, asTest(func(t *systemTest) { t.readOnly() }, above))
		return
	}
	cmd := folderChild{Folder: above, Do: "no permission"}.command(t)
	require.NoError(t, cmd.Run(), cmd.Stderr.(*bytes.Buffer))
}
