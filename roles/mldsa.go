package roles

import (
	"crypto/sha512"
	"slices"

	"filippo.io/mldsa"

	"github.com/tufwalk/tufwalk/metadata"
)

// mldsaVerifier verifies signatures with an ML-DSA key, by version 1 of TAP 21.
type mldsaVerifier struct{ public *mldsa.PublicKey }

// Verify verifies a signature.
//
// R-T21.2: what is signed is the text "tuf", a byte 1 for the version, and the
// SHA-512 of the message, with pure ML-DSA and an empty context.
func (v mldsaVerifier) Verify(message, signature []byte) error {
	sum := sha512.Sum512(message)
	return mldsa.Verify(v.public, append([]byte("tuf\x01"), sum[:]...), signature, nil)
}

// inFormat returns the role with the keys that can sign in an envelope format.
//
// R-T21.2: version 1 of TAP 21 signs canonical JSON, and the TAP says nothing
// of DSSE. So ML-DSA keys are unusable there.
func (r Role) inFormat(f metadata.EnvelopeFormat) Role {
	if f != metadata.DSSE {
		return r
	}
	r.unusable = slices.Clip(r.unusable)
	r.keys = slices.DeleteFunc(slices.Clone(r.keys), func(k roleKey) bool {
		_, ok := k.verifier.(mldsaVerifier)
		if ok {
			err := &metadata.KeyError{ID: k.id, Reason: "TAP 21 defines no ML-DSA signatures in DSSE envelopes"}
			r.unusable = append(r.unusable, unusableKey{k.id, err})
		}
		return ok
	})
	return r
}
