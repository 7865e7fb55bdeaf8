package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// neutralElement are all spellings of the neutral element of edwards25519 that
// crypto/ed25519 accepts: y = 1 and y = p+1, with either sign of x = 0.
var neutralElement = []string{
	"01" + strings.Repeat("00", 30) + "00",
	"01" + strings.Repeat("00", 30) + "80",
	"ee" + strings.Repeat("ff", 30) + "7f",
	"ee" + strings.Repeat("ff", 30) + "ff",
}

// K13, R-4.2.2.8: for an ed25519 key of small order, one constant signature is
// valid for every file, and the four spellings of one point have four IDs.
func TestConstantSignature(t *testing.T) {
	constant := append([]byte{1}, make([]byte, 63)...)
	r := newRepository(t)
	editSignatures(r, func([]any) []any {
		var list []any
		for i := range neutralElement {
			list = append(list, map[string]any{"keyid": fmt.Sprint(i), "sig": otherSpelling(constant)})
		}
		return list
	})
	for threshold := 1; threshold <= 4; threshold++ {
		keys := r.keys("0", "1", "2", "3")
		for i, k := range keys {
			weak := *k
			weak.KeyID, weak.Public = fmt.Sprint(i), neutralElement[i]
			keys[i] = &weak
		}
		r.Rotate("targets", threshold, keys...)
		r.PublishOnly("root")
		e := r.thresholdError()
		require.Zero(t, e.Valid)
		require.Len(t, e.Unusable, 4)
		for _, err := range e.Unusable {
			require.ErrorIs(t, err, metadata.ErrKey)
		}
		require.ErrorContains(t, e, `unusable key "0": an ed25519 key of small order, for which anyone can sign`)
		require.ErrorContains(t, e, `unusable key "3": not the canonical encoding of an ed25519 key`)
	}
}
