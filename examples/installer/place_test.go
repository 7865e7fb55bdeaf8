package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestRepositoryCannotWriteElsewhere(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	for _, name := range []string{"../evil", "link/evil", "a/../../evil"} {
		w.repo.Targets().AddTarget(name, []byte("evil"))
	}
	w.repo.Publish()
	outside := filepath.Join(w.dir, "outside")
	require.NoError(t, os.Mkdir(outside, 0o700))
	require.NoError(t, os.Mkdir(w.dest, 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(w.dest, "link")))

	for _, name := range []string{"../evil", "a/../../evil"} {
		code, _, stderr := runArgs(w.args(name)...)
		require.Equal(t, 2, code)
		require.Contains(t, stderr, "cannot be the name of a file")
	}
	w.mustFail(client.ErrInTheWay.Error(), w.args("link/evil")...)
	require.NoFileExists(t, filepath.Join(w.dir, "evil"))
	require.NoFileExists(t, filepath.Join(outside, "evil"))
}
