//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The cache, and then the destination, is read-only. Nothing is installed,
// nothing is damaged, and the error gives the reason.
func TestReadOnlyDirectories(t *testing.T) {
	start := newHistory(t)
	for _, locked := range []string{"cache", "dest"} {
		t.Run(locked, func(t *testing.T) {
			h := start.fork(t)
			before := h.stored()
			h.chmod(0o777, 0o666)
			require.NoError(t, os.Chmod(h.rootFile, 0o644))
			require.NoError(t, filepath.WalkDir(filepath.Join(h.dir, locked), func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					err = os.Chmod(path, 0o555)
				}
				return err
			}))
			cmd := h.unprivileged(h.from(3)...)
			require.Error(t, cmd.Run())
			require.Equal(t, 1, cmd.ProcessState.ExitCode(), cmd.Stderr)
			require.Contains(t, cmd.Stderr.(*bytes.Buffer).String(), "permission denied")
			h.chmod(0o700, 0o600)
			h.mustBeWhole()
			h.mustNotFall(before)
			h.mustEndWell()
		})
	}
}

func (h *history) chmod(dirs, files fs.FileMode) {
	require.NoError(h.t, filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, dirs)
		}
		return os.Chmod(path, files)
	}))
}

// unprivileged returns the installer as a process of another user than root,
// for whom permissions have no effect. It opens the directories of the test for
// that user, and copies the program to where that user can read it.
func (h *history) unprivileged(args ...string) *exec.Cmd {
	cmd := child(h.t, 0, args...)
	if os.Geteuid() != 0 {
		return cmd
	}
	dir := filepath.Dir(h.rootFile)
	for _, above := range []string{filepath.Dir(h.dir), dir, filepath.Dir(dir)} {
		require.NoError(h.t, os.Chmod(above, 0o755))
	}
	program, err := os.ReadFile(cmd.Path)
	require.NoError(h.t, err)
	cmd.Path = filepath.Join(h.dir, "installer")
	require.NoError(h.t, os.WriteFile(cmd.Path, program, 0o600))
	require.NoError(h.t, os.Chmod(cmd.Path, 0o755))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd
}
