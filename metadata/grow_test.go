package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Parse never panics: long lists of every length, whatever is guessed from
// their beginning.
func TestLongListsOfEveryLength(t *testing.T) {
	for _, n := range []int{100, 1000, 5000, 16_384, 20_000} {
		for _, compact := range []bool{false, true} {
			for _, hashes := range []bool{false, true} {
				_, err := metadata.Parse[metadata.Snapshot](snapshotOf(n, hashes, verifytest.Options{Compact: compact}), metadata.Options{})
				require.NoError(t, err)
			}
		}
	}
}
