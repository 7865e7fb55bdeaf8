package roles_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// K13, R-4.2.2.8: for an ed25519 key of small order, one constant signature is
// valid for every file, and four spellings of one point have four IDs.
func TestConstantSignature(t *testing.T) {
	var weak []*verifytest.Key
	for spelling := range 4 {
		k := verifytest.NewWeakKey(spelling)
		public, err := hex.DecodeString(k.Public)
		require.NoError(t, err)
		require.True(t, ed25519.Verify(public, []byte("anything"), k.Sign(nil)), "the attack works without a defense")
		weak = append(weak, k)
	}
	r := newRepository(t)
	for threshold := 1; threshold <= 4; threshold++ {
		r.Rotate("targets", threshold, weak...)
		r.Publish()
		e := r.thresholdError()
		require.Zero(t, e.Valid)
		require.Len(t, e.Unusable, 4)
		for _, err := range e.Unusable {
			require.ErrorIs(t, err, metadata.ErrKey)
		}
		require.ErrorContains(t, e, `: an ed25519 key of small order, for which anyone can sign`)
		require.ErrorContains(t, e, `: not the canonical encoding of an ed25519 key`)
	}
}
