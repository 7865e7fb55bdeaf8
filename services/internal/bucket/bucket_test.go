package bucket

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOpenWrongAddresses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, address := range []string{
		"", "/var/cache", "file:", "file://host/path", "file:relative", "file:///path?create_dir=1", "ftp://x", "mem://x?y=z",
		"file://" + filepath.ToSlash(file), "s3://x?unknown=1", "%",
	} {
		_, err := Open(t.Context(), address)
		require.Error(t, err, address)
	}
	t.Chdir(dir)
	b := opened(t, "file://./sub/folder")
	require.NoError(t, b.Close())
	require.DirExists(t, filepath.Join(dir, "sub", "folder"))
}

// What a killed process was writing is removed when it is old, and is no
// object before.
func TestTemporaryFilesOfAFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, tempDir), 0o700))
	old, young := filepath.Join(dir, tempDir, "old"), filepath.Join(dir, tempDir, "young")
	for _, name := range []string{old, young} {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	long := time.Now().Add(-2 * tempAge)
	require.NoError(t, os.Chtimes(old, long, long))
	b := opened(t, "file://"+filepath.ToSlash(dir))
	require.NoFileExists(t, old)
	require.FileExists(t, young)
	list, err := b.objects.list(t.Context(), filesPrefix)
	require.NoError(t, err)
	require.Empty(t, list)
}
