//go:build unix

package client

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Opening a pipe would block until somebody writes to it.
func TestFolderOpensNoPipes(t *testing.T) {
	f := newTestFolder(t)
	for _, name := range []string{"timestamp.json", lockName} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(f.Path(), name), 0o600))
	}
	_, err := f.Load(t.Context(), "timestamp.json")
	require.ErrorContains(t, err, "timestamp.json could not be loaded: not a file: it is a pipe")
	err = f.Save(t.Context(), record("timestamp.json", "x"))
	require.ErrorContains(t, err, lockName+" could not be locked: not a file: it is a pipe")
}
