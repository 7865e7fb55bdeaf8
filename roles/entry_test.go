package roles_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// keyless is a scheme like that of TAP 18: "sig" has some text, and what is
// verified is in another member of the entry.
type keyless struct{ asked, read *int }

func (v keyless) Verify([]byte, []byte) error {
	return errors.New("unreachable: the entry is asked for")
}

func (v keyless) VerifyEntry(message []byte, sig metadata.Signature) error {
	*v.asked++
	var entry struct {
		KeyID, Sig string
		Bundle     struct{ Proof string }
	}
	if err := json.Unmarshal(sig.JSON(), &entry); err != nil || entry.KeyID != sig.KeyID {
		return fmt.Errorf("not the entry: %s: %w", sig.JSON(), err)
	}
	proof, err := hex.DecodeString(entry.Bundle.Proof)
	if err != nil || len(proof) == 0 {
		return fmt.Errorf("no bundle: %w", roles.ErrNoSignature)
	}
	*v.read++
	if string(proof) != fmt.Sprint(len(message)) {
		return errors.New("the bundle is for another file")
	}
	return nil
}

// keylessRole returns a repository whose targets role has one keyless key.
func keylessRole(t *testing.T, size int) (*repository, keyless) {
	r, v := newRepository(t), keyless{new(int), new(int)}
	r.policy.Schemes = map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "sigstore-oidc", Scheme: "Fulcio"}: func(metadata.Key) (roles.SignatureVerifier, []byte, error) {
			return v, []byte("someone@example.com"), nil
		},
	}
	key := *r.Key("k")
	key.KeyID, key.KeyType, key.Scheme = "someone", "sigstore-oidc", "Fulcio"
	r.Rotate("targets", 1, &key)
	r.Edit("targets", func(signed map[string]any) { signed["x"] = strings.Repeat("x", size) })
	return r, v
}

// setEntries gives the targets role these entries in place of signatures. The
// proof is the one that the key's verifier wants.
func setEntries(r *repository, entries func(proof string) []any) {
	r.EditEnvelope("targets", func(envelope map[string]any) {
		envelope["signatures"] = entries(hex.EncodeToString([]byte(fmt.Sprint(len(signedBytes(r.T, envelope))))))
	})
	r.Publish()
}

func entry(id, sig, proof string) any {
	return map[string]any{
		"keyid": id, "sig": sig,
		"bundle": map[string]any{"proof": proof, "log": []any{"a\nb\x01", nil, 1}},
	}
}

// A caller's scheme may verify the entry of a signature with all its members,
// whatever text "sig" is.
func TestEntryVerifier(t *testing.T) {
	r, _ := keylessRole(t, 0)
	for _, sig := range []string{"", "not in any encoding", "MEUCIQ==", "00ff", "\u00e9\n"} {
		setEntries(r, func(proof string) []any { return []any{entry("someone", sig, proof)} })
		r.mustVerifyTargets()
		setEntries(r, func(proof string) []any { return []any{entry("someone", sig, proof+"00")} })
		require.Equal(t, []string{"someone"}, r.thresholdError().Wrong)
		setEntries(r, func(proof string) []any { return []any{entry("somebody else", sig, proof)} })
		require.Equal(t, 1, r.thresholdError().Strangers)
		setEntries(r, func(proof string) []any { return []any{map[string]any{"keyid": "someone", "sig": sig}} })
		require.Zero(t, r.thresholdError().Valid)
	}
}

// K10, K14, R-4.2.4: entries that anyone can add to a file are tried with such
// a key as with any other: until 64 MB are hashed, not counting those that are
// refused without reading the message.
func TestEntriesAreTriedWithinABound(t *testing.T) {
	const tries = 16 // for a payload of more than 4 MB
	for name, c := range map[string]struct {
		added       int
		member      string // that each of them has
		value       any
		found       bool
		asked, read int
	}{
		"no bundles":                 {300, "x", nil, true, 301, 1},
		"wrong bundles":              {300, "bundle", map[string]any{"proof": "00"}, false, tries, tries},
		"a try less":                 {tries - 1, "bundle", map[string]any{"proof": "00"}, true, tries, tries},
		"just as many wrong bundles": {tries, "bundle", map[string]any{"proof": "00"}, false, tries, tries},
	} {
		t.Run(name, func(t *testing.T) {
			r, v := keylessRole(t, 4<<20)
			setEntries(r, func(proof string) (list []any) {
				for i := range c.added {
					list = append(list, map[string]any{"keyid": strings.Repeat("0", i+1), "sig": "", c.member: c.value})
				}
				return append(list, entry("before", "", proof))
			})
			role, err := roles.TopLevel(r.mustInitialRoot(), "targets", r.policy)
			require.NoError(t, err)
			_, err = roles.VerifyAnyKeyID(parse[metadata.Targets](r, "targets"), role)
			if c.found {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, roles.ErrThreshold)
			}
			require.Equal(t, c.asked, *v.asked)
			require.Equal(t, c.read, *v.read)
		})
	}
}
