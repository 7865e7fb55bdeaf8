package place_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/place"
)

var badNames = []string{
	"", ".", "..", "../evil", "a/../../evil", "a/..", "./a", "/evil", "//evil", "a//b", "a/",
	`..\evil`, `a\b`, "C:evil", "C:/evil", "a:stream",
	"NUL", "nul", "nul.txt", "a/CON", "com1", "LPT9.tar.gz", "COM¹", "conin$", "aux .txt",
	"a.", "a ", "a./b",
	"a\x00b", "a\nb", "a\x1b[2J", "a\x7f", "a\u009b31m", "a\u202eb", "a\u200bb", "a\xff",
	"a?", "a*", `a"b`, "a|b", "<a>",
}

func TestUnsafeNamesAreRefused(t *testing.T) {
	for _, name := range badNames {
		require.Error(t, place.CheckName(name), "%q", name)
	}
	for _, name := range []string{
		"a", "a/b/c", "a b", "..a", "a..b", ".hidden", "console", "com10", "nul-1", "ü/€", "a%2Fb", "a+b=c,d;e",
	} {
		require.NoError(t, place.CheckName(name), "%q", name)
		require.True(t, filepath.IsLocal(name), "%q", name)
	}
}

func TestNamesOfOneFileAreRefused(t *testing.T) {
	require.NoError(t, place.CheckNames([]string{"a", "b/a", "c"}))
	err := place.CheckNames([]string{"a", "Dir/ü", "dir/Ü"})
	require.EqualError(t, err, `targets "Dir/ü" and "dir/Ü" would be one file`)
	require.Error(t, place.CheckNames([]string{"a", "a"}), "named twice")
	require.Error(t, place.CheckNames([]string{"a", "../evil"}))
}
