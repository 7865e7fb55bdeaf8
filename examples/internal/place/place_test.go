package place_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/place"
)

// A file is replaced as a whole, or not at all, and nothing is left over.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	d, err := place.Open(dir)
	require.NoError(t, err)
	defer d.Close()
	fill := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, e := io.WriteString(w, text)
			return errors.Join(err, e)
		}
	}
	require.NoError(t, d.Write("a/b", fill("old", nil)))
	broken := errors.New("broken")
	require.ErrorIs(t, d.Write("a/b", fill("ne", broken)), broken)
	require.Error(t, d.Write("../b", fill("new", nil)))
	has := func(want string) {
		data, err := os.ReadFile(d.File("a/b"))
		require.NoError(t, err)
		require.Equal(t, want, string(data))
	}
	has("old")
	require.NoError(t, d.Write("a/b", fill("new", nil)))
	has("new")
	files, err := os.ReadDir(filepath.Join(dir, "a"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}
