package roles_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-4.2.2.1, R-4.2.2.7, R-T21.1: every scheme, with a valid and an invalid
// signature.
func TestSchemes(t *testing.T) {
	for _, scheme := range usableSchemes() {
		r := newRepositoryWith(t, verifytest.Options{Scheme: scheme})
		r.mustVerifyTargets()
		editSignatures(r, func(list []any) []any {
			entry := list[0].(map[string]any)
			sig := metadata.Signature{Hex: entry["sig"].(string)}
			if envelopeFormat == metadata.DSSE {
				sig = metadata.Signature{Base64: sig.Hex}
			}
			b := sig.Bytes()
			b[len(b)-1] ^= 1
			entry["sig"] = otherSpelling(b)
			return list
		})
		_, err := r.verifyTargets()
		require.ErrorIs(t, err, roles.ErrThreshold, scheme)
		require.ErrorContains(t, err, "wrong: [", scheme)
	}
}

// Policy.Schemes: added schemes cannot replace the built-in ones, and a key
// counts once by its material.
func TestMoreSchemes(t *testing.T) {
	tried := 0
	r := newRepository(t)
	future := *r.Key("x")
	future.KeyType, future.Scheme = "future", "future-1"
	twin := future
	twin.KeyID = "twin"
	broken := future
	broken.Public = "00"
	r.policy.Schemes = map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "future", Scheme: "future-1"}: countingVerifiers(&tried),
		{KeyType: "ed25519", Scheme: "ed25519"}: func(metadata.Key) (roles.SignatureVerifier, []byte, error) {
			t.Error("a built-in scheme cannot be replaced")
			return nil, nil, errors.New("no")
		},
	}
	r.Rotate("targets", 2, &future, r.Key("a"))
	r.Publish()
	r.mustVerifyTargets()
	require.Equal(t, 1, tried)
	r.Rotate("targets", 2, &future, &twin)
	r.Publish()
	_, err := r.verifyTargets()
	require.ErrorContains(t, err, "want 2, found 1")
	r.Rotate("targets", 1, &broken)
	r.Publish()
	_, err = r.verifyTargets()
	require.ErrorContains(t, err, "not a key of the future")
	bad := *r.Key("a")
	bad.Public = bad.Public[:62]
	r.Rotate("targets", 1, &bad)
	r.Publish()
	_, err = r.verifyTargets()
	require.ErrorContains(t, err, "64 hexadecimal digits")
}

// Policy.Schemes: a built-in scheme cannot be used for another key type.
func TestBuiltInSchemesCannotBeReplaced(t *testing.T) {
	for _, scheme := range builtinSchemes {
		r := newRepository(t)
		r.policy.Schemes = map[roles.Scheme]roles.VerifierFunc{
			{KeyType: "own", Scheme: scheme}: countingVerifiers(new(int)),
		}
		r.Rotate("targets", 1, r.futureKey("a", func(k *verifytest.Key) { k.KeyType, k.Scheme = "own", scheme }))
		r.Publish()
		require.ErrorContains(t, r.thresholdError(), `key type "own" with scheme "`+scheme+`" is not supported`)
	}
}

// .K3: a key with a built-in scheme and with an added one counts once.
func TestOneKeyUnderTwoSchemes(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{Scheme: "rsassa-pss-sha256"})
	pss := r.Key("x")
	other := *pss
	other.Scheme = "rsassa-pss-sha256-too"
	newVerifier := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		block, _ := pem.Decode([]byte(k.Public))
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		return pssVerifier{public.(*rsa.PublicKey)}, block.Bytes, err
	}
	r.policy.Schemes = map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "rsa", Scheme: "rsassa-pss-sha256-too"}: newVerifier,
	}
	r.Rotate("targets", 1, &other)
	r.Publish()
	r.mustVerifyTargets()
	r.Rotate("targets", 2, pss, &other)
	r.Publish()
	_, err := r.verifyTargets()
	require.ErrorContains(t, err, "want 2, found 1")
}

// .K4: a listed key ID without a key.
func TestMissingKey(t *testing.T) {
	r := newRepository(t)
	r.Edit("root", func(signed map[string]any) {
		role := signed["roles"].(map[string]any)["targets"].(map[string]any)
		role["keyids"] = append([]any{"missing"}, role["keyids"].([]any)...)
	})
	r.Publish()
	r.mustVerifyTargets()
	r.SignWith("targets", r.keys("stranger")...)
	r.Publish()
	_, err := r.verifyTargets()
	require.ErrorContains(t, err, `unusable key "missing": not among the keys of the file`)
}

// K5, K6: a key ID has a meaning only in the file that lists it.
func TestKeysBelongToTheirFile(t *testing.T) {
	r := newRepository(t)
	inRoot, inTargets := *r.Key("x"), *r.Key("y")
	inRoot.KeyID, inTargets.KeyID = "same", "same"
	r.Rotate("targets", 1, &inRoot)
	a := r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}, Keys: []*verifytest.Key{&inTargets}})
	r.Publish()
	role, err := roles.Delegated(r.mustVerifyTargets(), 0, "a", r.policy)
	require.NoError(t, err)
	_, err = roles.Verify(parse[metadata.Targets](r, "a"), role)
	require.NoError(t, err)
	r.SignWith(a.Name(), &inRoot)
	r.Publish()
	_, err = roles.Verify(parse[metadata.Targets](r, "a"), role)
	require.ErrorIs(t, err, roles.ErrThreshold)
}

// R-4.2.2.6, R-4.3.K4: an unusable key is listed once in the error, and does
// not count, not even for a signature without a key ID.
func TestUnusableKeys(t *testing.T) {
	r := newRepository(t)
	var unusable []*verifytest.Key
	for i := range 12 {
		unusable = append(unusable, r.futureKey(fmt.Sprint(i), nil))
	}
	r.Rotate("targets", 1, unusable[:2]...)
	r.Edit("root", func(signed map[string]any) {
		role := signed["roles"].(map[string]any)["targets"].(map[string]any)
		role["keyids"] = append(role["keyids"].([]any), "missing")
	})
	editSignatures(r, func(list []any) []any {
		return append(list, map[string]any{"keyid": "", "sig": strings.Repeat("00", 64)})
	})
	e := r.thresholdError()
	require.Len(t, e.Unusable, 3)
	require.Equal(t, 1, e.Strangers, "the role lists the other IDs")
	require.EqualError(t, e, "targets: not enough signatures: want 1, found 0; found signatures by 1 other keys; "+
		strings.Join([]string{e.Unusable[0].Error(), e.Unusable[1].Error(), e.Unusable[2].Error()}, "; "))
	require.EqualError(t, e.Unusable[2], `unusable key "missing": not among the keys of the file`)

	// Next to other faults too: a wrong signature, a valid one, a stranger's.
	valid, wrong := r.Key("valid"), r.Key("wrong")
	r.Edit("root", nil)
	r.Rotate("targets", 3, append(unusable[:2:2], valid, wrong)...)
	r.EditEnvelope("targets", nil)
	r.SignWith("targets", append(unusable[:2:2], valid, wrong, r.Key("stranger"))...)
	r.Publish()
	editSignatures(r, func(list []any) []any {
		for _, s := range list {
			if s := s.(map[string]any); s["keyid"] == wrong.ID() {
				s["sig"] = strings.Repeat("00", 64)
			}
		}
		return list
	})
	e = r.thresholdError()
	require.EqualValues(t, 1, e.Valid)
	require.Equal(t, []string{wrong.ID()}, e.Wrong)
	require.Equal(t, 1, e.Strangers)
	require.Len(t, e.Unusable, 2)

	// Of many, those that signed come first.
	r.Rotate("targets", 1, unusable...)
	r.SignWith("targets", unusable[11])
	r.Publish()
	e = r.thresholdError()
	require.Len(t, e.Unusable, 8, "the first few of many")
	require.Zero(t, e.Strangers)
	require.ErrorContains(t, e.Unusable[0], unusable[11].ID()[:32])
}
