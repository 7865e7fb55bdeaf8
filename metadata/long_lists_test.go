package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Parse reads long lists of many lengths without a panic, although it estimates
// their lengths.
func TestLongListsOfEveryLength(t *testing.T) {
	for _, n := range []int{100, 1000, 5000, 16_384, 20_000} {
		for _, compact := range []bool{false, true} {
			for _, hashes := range []bool{false, true} {
				data := snapshotOf(n, hashes, verifytest.Options{Compact: compact})
				_, err := metadata.Parse[metadata.Snapshot](data, metadata.Options{})
				require.NoError(t, err)
			}
		}
	}
}
