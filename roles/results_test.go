package roles_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.3.4a, R-5.3.4b: a signature that counts for two roots is verified once.
// Keys of both come first, so that as few as possible are verified.
func TestSignaturesOfTwoRootsAreVerifiedOnce(t *testing.T) {
	for _, c := range []struct {
		name      string
		old, next []string
		threshold int
		tried     int
	}{
		{"one key", []string{"a"}, []string{"a"}, 1, 1},
		{"another key", []string{"a"}, []string{"b"}, 1, 2},
		{"one of three replaced", []string{"a", "b", "c"}, []string{"b", "c", "d"}, 2, 2},
		{"one of three replaced, in another order", []string{"a", "b", "c"}, []string{"d", "c", "b"}, 2, 2},
		{"the order changes", []string{"a", "b", "c", "d"}, []string{"d", "c", "b", "a"}, 2, 2},
		{"two of three replaced", []string{"a", "b", "c"}, []string{"c", "d", "e"}, 2, 3},
		{"one of five replaced", []string{"a", "b", "c", "d", "e"}, []string{"b", "c", "d", "e", "f"}, 3, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			var tried *int
			r.policy, tried = futurePolicy()
			future := func(names []string) (keys []*verifytest.Key) {
				for _, name := range names {
					keys = append(keys, r.futureKey(name, nil))
				}
				return keys
			}
			r.Rotate("root", c.threshold, future(c.old)...)
			r.PublishOnly("root")
			old := r.mustInitialRoot()
			r.Rotate("root", c.threshold, future(c.next)...)
			r.PublishOnly("root")
			*tried = 0
			_, err := r.nextRoot(old)
			require.NoError(t, err)
			require.Equal(t, c.tried, *tried)
		})
	}
}

// K15: a signature that is valid by a key's old scheme, or by an old spelling
// of the key, says nothing about the new one. And one that is invalid for one
// role stays invalid for the other.
func TestResultsAreOfOneKeyAndScheme(t *testing.T) {
	lower := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		material, err := hex.DecodeString(k.Public)
		if err != nil {
			return nil, nil, err
		}
		return verifyFunc(func(_, _ []byte) error {
			if k.Public != strings.ToLower(k.Public) {
				return errors.New("upper case")
			}
			return nil
		}), material, nil
	}
	never := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		_, material, err := lower(k)
		return verifyFunc(func(_, _ []byte) error { return errors.New("never") }), material, err
	}
	policy := roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "future", Scheme: "1"}: lower, {KeyType: "future", Scheme: "2"}: never,
	}}
	for name, change := range map[string]func(*verifytest.Key){
		"the same":       func(*verifytest.Key) {},
		"another scheme": func(k *verifytest.Key) { k.Scheme = "2" },
		"other spelling": func(k *verifytest.Key) { k.Public = strings.ToUpper(k.Public) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			r.policy = policy
			good, changed := r.futureKey("k", renamed("k")), r.futureKey("k", renamed("k"))
			change(changed)
			for _, order := range [][]*verifytest.Key{{good, changed}, {changed, good}} {
				r.Rotate("root", 1, order[0])
				r.PublishOnly("root")
				role, err := roles.VerifyInitialRoot(parse[metadata.Root](r, "root"), acceptAll())
				require.NoError(t, err)
				r.Rotate("root", 1, order[1])
				r.PublishOnly("root")
				_, err = r.nextRoot(role)
				if name == "the same" {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, roles.ErrThreshold)
			}
		})
	}
}

// acceptAll is a policy by which every signature of the type "future" is valid.
func acceptAll() roles.Policy {
	all := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		material, err := hex.DecodeString(k.Public)
		return verifyFunc(func(_, _ []byte) error { return nil }), material, err
	}
	return roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "future", Scheme: "1"}: all, {KeyType: "future", Scheme: "2"}: all,
	}}
}

// entries of a scheme that reads them whole are not told apart by
// their "sig", so each is read for each role.
func TestEntriesAreReadForEachRoot(t *testing.T) {
	r, v := keylessRole(t, 1)
	key := *r.Keys("targets")[0]
	r.Rotate("root", 1, &key)
	r.PublishOnly("root")
	sign := func() {
		r.EditEnvelope("root", func(envelope map[string]any) {
			size := len(signedBytes(t, envelope))
			envelope["signatures"] = []any{entry("someone", "00", hex.EncodeToString([]byte(strconv.Itoa(size))))}
		})
	}
	sign()
	r.PublishOnly("root")
	old := r.mustInitialRoot()
	*v.read = 0
	r.Rotate("root", 1, &key)
	sign()
	r.PublishOnly("root")
	_, err := r.nextRoot(old)
	require.NoError(t, err)
	require.Equal(t, 2, *v.read)
}

// K15, R-4.2.2.1: also with built-in schemes. The key and its ID are the same,
// the padding is not.
func TestResultsAreOfOnePadding(t *testing.T) {
	r := newRepository(t)
	pss := *verifytest.NewKey("rsassa-pss-sha256", "k")
	pss.KeyID = "k"
	other := pss
	other.Scheme = "rsa-pkcs1v15-sha256"
	r.Rotate("root", 1, &pss)
	r.PublishOnly("root")
	old := r.mustInitialRoot()
	r.Rotate("root", 1, &other)
	r.SignWith("root", &pss)
	r.PublishOnly("root")
	_, err := r.nextRoot(old)
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.ErrorContains(t, err, `wrong: ["k"]`)
}

// K15: one key has two IDs, and the signature under one of them is wrong.
func TestResultsAreOfOneSignature(t *testing.T) {
	for _, wrong := range []string{"one", "two", ""} {
		r := newRepository(t)
		one, two := *r.Key("k"), *r.Key("k")
		one.KeyID, two.KeyID = "one", "two"
		r.Rotate("root", 1, &one)
		r.PublishOnly("root")
		old := r.mustInitialRoot()
		r.Rotate("root", 1, &two)
		r.SignWith("root", &one, &two)
		editRootSignatures(r, func(entry map[string]any) {
			if entry["keyid"] == wrong {
				entry["sig"] = wrongSignature()
			}
		})
		_, err := r.nextRoot(old)
		if wrong == "" {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, roles.ErrThreshold, wrong)
		}
	}
}

// wrongSignature is as long as an ed25519 signature.
func wrongSignature() string {
	if envelopeFormat == metadata.DSSE {
		return base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize))
	}
	return strings.Repeat("00", ed25519.SignatureSize)
}

func editRootSignatures(r *repository, edit func(entry map[string]any)) {
	r.EditEnvelope("root", func(envelope map[string]any) {
		for _, entry := range envelope["signatures"].([]any) {
			edit(entry.(map[string]any))
		}
	})
	r.PublishOnly("root")
}

// K15: what is wrong for the old root, which has enough other signatures, is
// wrong for the new one.
func TestWrongSignaturesStayWrong(t *testing.T) {
	r := newRepository(t)
	a, b := r.Key("a"), r.Key("b")
	r.Rotate("root", 1, a, b)
	r.PublishOnly("root")
	old := r.mustInitialRoot()
	r.Rotate("root", 1, a)
	r.SignWith("root", a, b)
	editRootSignatures(r, func(entry map[string]any) {
		if entry["keyid"] == a.ID() {
			entry["sig"] = wrongSignature()
		}
	})
	_, err := r.nextRoot(old)
	require.ErrorIs(t, err, roles.ErrThreshold)
}

// K10: a result that is used again counts as a try. Otherwise a root could be
// accepted as the next one, and refused when it is read from a store.
func TestResultsCountAsTries(t *testing.T) {
	var junk []object
	for i := range 16 { // as many as there are tries without IDs
		junk = append(junk, object{"sig": base64.StdEncoding.EncodeToString([]byte{1, byte(i)})})
	}
	tried := 0
	policy := matching(&tried)
	old, err := roles.VerifyInitialRoot(matchingRoot(t, 0, 1, []string{"", "b"}, []object{signature("b")}), policy)
	require.NoError(t, err)
	next := matchingRoot(t, 4<<20, 1, []string{""}, append(junk, signature(""), signature("b")))
	_, err = roles.VerifyInitialRoot(next, policy)
	require.ErrorIs(t, err, roles.ErrThreshold)
	_, err = roles.VerifyNextRoot(old, next, policy)
	require.ErrorIs(t, err, roles.ErrThreshold)
}
