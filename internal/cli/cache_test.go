package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCacheDir(t *testing.T) {
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, t.TempDir())
	}
	of := func(dir, trusted string) string {
		t.Helper()
		got, err := prog.CacheDir(dir, trusted)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, "mine", of("mine", "root.json"))
	user, err := os.UserCacheDir()
	require.NoError(t, err)
	one := of("", "root.json")
	require.Equal(t, filepath.Join(user, "tufwalk-prog"), filepath.Dir(one))
	full, err := filepath.Abs("root.json")
	require.NoError(t, err)
	require.Equal(t, one, of("", full))
	require.NotEqual(t, one, of("", "other.json"))

	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	require.Equal(t, "mine", of("mine", "root.json"))
	_, err = prog.CacheDir("", "root.json")
	require.ErrorContains(t, err, "choose one with --cache")
}
