//go:build unix

package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where the partial file was is a link. Nothing is written through it, or to a
// file that has another name, and the download begins again.
func TestPartialFileIsALink(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			var other string
			resumption{func(w *world, part string) {
				other = t.TempDir() + "/other"
				require.NoError(t, os.WriteFile(other, []byte("not ours"), 0o600))
				require.NoError(t, os.Remove(part))
				require.NoError(t, link(other, part))
			}, nil, []string{""}, "from m ("}.test(t)
			data, err := os.ReadFile(other)
			require.NoError(t, err)
			require.Equal(t, "not ours", string(data))
		})
	}
}
