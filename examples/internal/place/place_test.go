package place_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestHas(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app", []byte("content"))
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	l := s.Lookup("app")
	require.NoError(t, s.Run(t.Context(), nil, repo.Metadata().Source()))
	target, err := l.Target()
	require.NoError(t, err)

	dir, err := place.Open(filepath.Join(t.TempDir(), "new", "dir"))
	require.NoError(t, err)
	defer dir.Close()
	require.NoError(t, dir.Mkdir("directory", 0o700))
	for name, content := range map[string]string{"right": "content", "changed": "CONTENT", "longer": "contents"} {
		require.NoError(t, dir.WriteFile(name, []byte(content), 0o600))
	}
	for name, want := range map[string]bool{
		"right": true, "changed": false, "longer": false, "directory": false, "missing": false, "../x": false,
	} {
		require.Equal(t, want, place.Has(dir, name, target), name)
	}
}
