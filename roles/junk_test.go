package roles_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// K14: signatures that cost nothing to refuse use up no tries. A large file
// whose key has got another ID is still recognized behind any number of them.
func TestJunkSignaturesUseUpNoTries(t *testing.T) {
	for _, scheme := range []string{"ed25519", "rsassa-pss-sha256", "ml-dsa-44/1"} { // those of ECDSA have several sizes
		if slices.Contains(usableSchemes(), scheme) {
			testJunkSignatures(t, scheme)
		}
	}
}

func testJunkSignatures(t *testing.T, scheme string) {
	size := len(verifytest.NewKey(scheme, "k").Sign(nil))
	for name, junk := range map[string]string{
		"empty":       "",
		"no hex":      "junk",
		"too short":   strings.Repeat("0", 2*size-2),
		"too long":    strings.Repeat("0", 2*size+2),
		"half a byte": strings.Repeat("0", 2*size-1),
	} {
		t.Run(scheme+", "+name, func(t *testing.T) {
			r := newRepository(t)
			key := *verifytest.NewKey(scheme, "k")
			r.Rotate("targets", 1, &key)
			r.Edit("targets", func(signed map[string]any) { signed["x"] = strings.Repeat("x", 4<<20) })
			editSignatures(r, func(list []any) []any {
				var padded []any
				for i := range 300 {
					padded = append(padded, map[string]any{"keyid": strings.Repeat("0", i+1), "sig": junk})
				}
				return append(padded, list...)
			})
			r.Touch("targets")
			r.Publish()
			env := parse[metadata.Targets](r, "targets")

			renamed := key
			renamed.KeyID = "renamed"
			r.Rotate("targets", 1, &renamed)
			r.PublishOnly("root")
			role, err := roles.TopLevel(r.mustInitialRoot(), "targets", r.policy)
			require.NoError(t, err)
			_, err = roles.VerifyAnyKeyID(env, role)
			require.NoError(t, err)
		})
	}
}

// A scheme of the caller's that makes no verifier, or no key material, makes
// the key unusable.
func TestSchemesThatMakeNothing(t *testing.T) {
	for name, scheme := range map[string]roles.VerifierFunc{
		"nothing":     func(metadata.Key) (roles.SignatureVerifier, []byte, error) { return nil, nil, nil },
		"no verifier": func(metadata.Key) (roles.SignatureVerifier, []byte, error) { return nil, []byte("x"), nil },
		"no material": func(metadata.Key) (roles.SignatureVerifier, []byte, error) { return anyVerifier{}, nil, nil },
	} {
		r := newRepository(t)
		key := *r.Key("k")
		key.KeyType, key.Scheme = "custom", "custom"
		r.Rotate("targets", 1, &key)
		r.Publish()
		r.policy.Schemes = map[roles.Scheme]roles.VerifierFunc{{KeyType: "custom", Scheme: "custom"}: scheme}
		require.ErrorIs(t, r.thresholdError().Unusable[0], metadata.ErrKey, name)
	}
}

// anyVerifier accepts every signature.
type anyVerifier struct{}

func (anyVerifier) Verify(message, signature []byte) error { return nil }
