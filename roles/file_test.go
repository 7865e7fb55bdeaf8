package roles_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.6.2 (F3): a file with and without a
// listed length and listed hashes.
func TestCheckFile(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{MetaHashes: true, Hashes: []string{"sha256", "sha512"}})
	snapshot, err := verifyFile[metadata.Snapshot](r, "snapshot")
	require.NoError(t, err)
	both, ok := snapshot.Content().File("targets")
	require.True(t, ok)
	data := r.Metadata()[r.FileName("targets")]
	changed := append([]byte(" "), data[1:]...)
	for _, c := range []struct {
		name           string
		length, hashes bool
		data           []byte
		want           error
	}{
		{"all right", true, true, data, nil},
		{"length alone", true, false, data, nil},
		{"hashes alone", false, true, data, nil},
		{"neither", false, false, data, nil},
		{"short", true, true, data[:len(data)-1], roles.ErrLength},
		{"long", true, true, append(data[:len(data):len(data)], ' '), roles.ErrLength},
		{"short, length alone", true, false, data[:len(data)-1], roles.ErrLength},
		{"changed", true, true, changed, roles.ErrHash},
		{"changed, hashes alone", false, true, changed, roles.ErrHash},
		{"changed, length alone", true, false, changed, nil},
		{"empty", true, true, nil, roles.ErrLength},
	} {
		listed := both
		if !c.length {
			listed.Length = -1
		}
		if !c.hashes {
			listed.Hashes = metadata.Hashes{}
		}
		err := roles.CheckFile("targets", c.data, listed, r.policy)
		if c.want == nil {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorIs(t, err, c.want, c.name)
		require.ErrorContains(t, err, "targets: ", c.name)
	}
}
