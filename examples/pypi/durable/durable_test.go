package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/pypi/durable"
)

var errDisk = errors.New("the disk is broken")

func open(t *testing.T) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

// steps replaces durable.Step for one test.
func steps(t *testing.T, f func(what, name string) error) {
	usual := durable.Step
	durable.Step = f
	t.Cleanup(func() { durable.Step = usual })
}

func write(root *os.Root, name, text string) error {
	return durable.Write(root, name, 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// The content reaches the disk before the rename, and the rename before Write
// returns: power may fail at any time.
func TestOrder(t *testing.T) {
	root := open(t)
	var trace []string
	steps(t, func(what, name string) error {
		if strings.HasSuffix(name, ".part") {
			name = "part"
		} else if rel, err := filepath.Rel(root.Name(), name); err == nil && filepath.IsAbs(name) {
			name = filepath.ToSlash(rel)
		}
		trace = append(trace, what+" "+name)
		return nil
	})
	require.NoError(t, write(root, "a/b/c.json", "text"))
	require.Equal(t, []string{
		"make directory a/b", "create part", "write part", "sync part", "close part", "rename a/b/c.json",
		"sync directory a/b", "sync directory a", "sync directory .",
	}, trace)
}

// A file is replaced as a whole, or not at all, and nothing is left over.
func TestFillFails(t *testing.T) {
	root := open(t)
	require.NoError(t, write(root, "a/b", "old"))
	err := durable.Write(root, "a/b", 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, "ne")
		return errors.Join(errDisk, err)
	})
	require.ErrorIs(t, err, errDisk)
	require.Error(t, write(root, "../b", "new"))
	data, err := root.ReadFile("a/b")
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	files, err := filepath.Glob(filepath.Join(root.Name(), "a", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func TestEachStepFails(t *testing.T) {
	for _, broken := range []string{"make directory", "create", "write", "sync", "close", "rename", "sync directory"} {
		t.Run(broken, func(t *testing.T) {
			root := open(t)
			require.NoError(t, write(root, "x.json", "old text"))
			steps(t, func(what, _ string) error {
				if what == broken {
					return errDisk
				}
				return nil
			})
			require.ErrorIs(t, write(root, "x.json", "new text"), errDisk)
			entries, err := os.ReadDir(root.Name())
			require.NoError(t, err)
			require.Len(t, entries, 1)
			want := "old text"
			if broken == "sync directory" { // the rename is done, but a crash may undo it
				want = "new text"
			}
			data, err := root.ReadFile("x.json")
			require.NoError(t, err)
			require.Equal(t, want, string(data))
		})
	}
}
