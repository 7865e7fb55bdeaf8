package roles_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"slices"
	"testing"

	"filippo.io/mldsa"
	"filippo.io/mldsa/x509"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var parameterSets = map[string]mldsa.Parameters{
	"ml-dsa-44/1": mldsa.MLDSA44(), "ml-dsa-65/1": mldsa.MLDSA65(), "ml-dsa-87/1": mldsa.MLDSA87(),
}

const noMLDSAInDSSE = "TAP 21 defines no ML-DSA signatures in DSSE envelopes"

// errGoodMLDSA is what comes of a good ML-DSA signature: nothing or, in a DSSE
// envelope, where the key is unusable, an error.
var errGoodMLDSA = map[metadata.EnvelopeFormat]error{metadata.DSSE: roles.ErrThreshold}[envelopeFormat]

// R-T21.1, R-T21.2, R-T21.3: what is signed is the text "tuf", the byte 1 and
// the SHA-512 of the canonical form, with pure ML-DSA and an empty context.
// Anything else is not.
func TestMLDSASignsOneThing(t *testing.T) {
	for scheme, parameters := range parameterSets {
		private, err := mldsa.NewPrivateKey(parameters, slices.Repeat([]byte{7}, 32))
		require.NoError(t, err)
		der, err := x509.MarshalPKIXPublicKey(private.Public())
		require.NoError(t, err)
		listed := *verifytest.NewKey(scheme, "listed")
		listed.KeyID, listed.Public = "pq", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		prefixed := func(version string, digest []byte) []byte { return append([]byte("tuf"+version), digest...) }
		long := func(m []byte) []byte { s := sha512.Sum512(m); return s[:] }
		short := func(m []byte) []byte { s := sha256.Sum256(m); return s[:] }
		for name, c := range map[string]struct {
			message func(canonical []byte) []byte
			context string
			want    error
		}{
			"as the TAP has it":   {func(m []byte) []byte { return prefixed("\x01", long(m)) }, "", errGoodMLDSA},
			"the canonical form":  {func(m []byte) []byte { return m }, "", roles.ErrThreshold},
			"the hash alone":      {long, "", roles.ErrThreshold},
			"a prefix, no hash":   {func(m []byte) []byte { return prefixed("\x01", m) }, "", roles.ErrThreshold},
			"another hash":        {func(m []byte) []byte { return prefixed("\x01", short(m)) }, "", roles.ErrThreshold},
			"version 2":           {func(m []byte) []byte { return prefixed("\x02", long(m)) }, "", roles.ErrThreshold},
			"version 0":           {func(m []byte) []byte { return prefixed("\x00", long(m)) }, "", roles.ErrThreshold},
			"the digit 1":         {func(m []byte) []byte { return prefixed("1", long(m)) }, "", roles.ErrThreshold},
			"no version":          {func(m []byte) []byte { return prefixed("", long(m)) }, "", roles.ErrThreshold},
			"a context":           {func(m []byte) []byte { return prefixed("\x01", long(m)) }, "tuf", roles.ErrThreshold},
			"the prefix, context": {long, "tuf\x01", roles.ErrThreshold},
			"more behind it": {func(m []byte) []byte {
				return append(prefixed("\x01", long(m)), 0)
			}, "", roles.ErrThreshold},
		} {
			r := newRepository(t)
			r.Rotate("targets", 1, &listed)
			r.SignWith("targets", r.keys("somebody")...)
			r.EditEnvelope("targets", func(envelope map[string]any) {
				message := c.message(signedBytes(t, envelope))
				sig, err := private.Sign(nil, message, &mldsa.Options{Context: c.context})
				require.NoError(t, err)
				envelope["signatures"] = []any{map[string]any{"keyid": "pq", "sig": otherSpelling(sig)}}
			})
			r.Publish()
			_, err := r.verifyTargets()
			require.ErrorIs(t, err, c.want, "%s, %s", scheme, name)
			if envelopeFormat == metadata.DSSE {
				require.ErrorContains(t, err, noMLDSAInDSSE, "%s, %s", scheme, name)
			}
		}
	}
}

// R-T21.1: classical and post-quantum keys stand side by side in one role, and
// each counts once, or never in a DSSE envelope.
func TestClassicalAndPostQuantumKeys(t *testing.T) {
	r := newRepository(t)
	var keys []*verifytest.Key
	usable := 0
	for _, scheme := range []string{
		"ed25519", "ml-dsa-44/1", "ml-dsa-65/1", "ml-dsa-87/1", "ecdsa-sha2-nistp256", "rsassa-pss-sha512",
	} {
		keys = append(keys, verifytest.NewKey(scheme, "k"))
		if slices.Contains(usableSchemes(), scheme) {
			usable++
		}
	}
	again := *keys[2]
	again.KeyID = "again"
	listed := append(slices.Clone(keys), &again)
	for signers := 1; signers <= len(listed); signers++ {
		r.Rotate("targets", usable, listed...)
		r.SignWith("targets", listed[len(listed)-signers:]...)
		r.Publish()
		_, err := r.verifyTargets()
		if signers == len(listed) {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, roles.ErrThreshold, "%d of %d have signed", signers, len(listed))
		}
	}
}

// R-T21.2, R-T21.3: ML-DSA keys are unusable in DSSE envelopes, of which TAP 21
// says nothing. The other keys of the role are not.
func TestNoMLDSAInDSSE(t *testing.T) {
	r := newRepository(t)
	pq, a, b := verifytest.NewKey("ml-dsa-44/1", "k"), r.Key("a"), r.Key("b")
	r.Rotate("targets", 2, pq, a, b)
	r.Publish()
	r.mustVerifyTargets()
	r.SignWith("targets", pq, a)
	r.Publish()
	if envelopeFormat == metadata.Classic {
		r.mustVerifyTargets()
		return
	}
	for range 2 { // the role is as it was
		e := r.thresholdError()
		require.EqualValues(t, 1, e.Valid)
		require.Empty(t, e.Wrong)
		require.Len(t, e.Unusable, 1)
		require.ErrorIs(t, e.Unusable[0], metadata.ErrKey)
		require.ErrorContains(t, e, noMLDSAInDSSE)
	}
}
