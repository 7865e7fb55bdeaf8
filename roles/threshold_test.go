package roles_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestThreshold verifies a targets file with some keys listed and some signing.
//
// R-4.2.2.6, R-4.3.K3, R-4.3.K4, R-4.3.7 (K1 to K11,
// CVE-2020-6174, CVE-2026-6966, GHSA-3633-5h82-39pq).
func TestThreshold(t *testing.T) {
	a, b, c := verifytest.NewKey("ed25519", "a"), verifytest.NewKey("ed25519", "b"), verifytest.NewKey("ed25519", "c")
	alias := *a
	alias.KeyID = "another-id"
	upper := *a
	upper.Public = strings.ToUpper(a.Public)
	p256 := verifytest.NewKey("ecdsa-sha2-nistp256", "p")
	p256Hex := *p256
	p256Hex.KeyType, p256Hex.Public = "ecdsa-sha2-nistp256", p256.HexPoint()
	unknown := *b
	unknown.KeyType, unknown.Scheme = "sigstore-oidc", "Fulcio"
	short := *b
	short.Public = b.Public[:63]
	rsaAsEC := *verifytest.NewKey("rsassa-pss-sha256", "r")
	rsaAsEC.KeyType, rsaAsEC.Scheme = "ecdsa", "ecdsa-sha2-nistp256"
	keys := func(k ...*verifytest.Key) []*verifytest.Key { return k }
	for _, test := range []struct {
		name      string
		threshold int
		listed    []*verifytest.Key
		signed    []*verifytest.Key
		want      string // the error; empty if there is none
	}{
		{"one of one", 1, keys(a), keys(a), ""},
		{"two of three", 2, keys(a, b, c), keys(c, a), ""},
		{"another key too", 1, keys(a), keys(b, a, c), ""},
		{"only another key", 1, keys(a), keys(b), "want 1, found 0"},
		{"one of two", 2, keys(a, b), keys(a), "targets: not enough signatures: want 2, found 1"},
		{"more than there are keys", 3, keys(a, b), keys(a, b), "want 3, found 2"},
		{"one key under two IDs", 2, keys(a, &alias), keys(a, &alias), "want 2, found 1"},
		{"one key in two spellings", 2, keys(a, &upper), keys(a, &upper), "want 2, found 1"},
		{"one key as PEM and as a point", 2, keys(p256, &p256Hex), keys(p256, &p256Hex), "want 2, found 1"},
		{"one key under two IDs, threshold 1", 1, keys(a, &alias), keys(&alias), ""},
		{"an unknown key type and a good key", 1, keys(&unknown, a), keys(&unknown, a), ""},
		{"an unknown key type alone", 1, keys(&unknown), keys(&unknown),
			`key type "sigstore-oidc" with scheme "Fulcio" is not supported`},
		{"a key of 63 digits", 1, keys(&short), keys(&short), "64 hexadecimal digits"},
		{"an RSA key as ecdsa", 1, keys(&rsaAsEC), keys(&rsaAsEC), "not a key on P-256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t)
			r.Rotate("targets", test.threshold, test.listed...)
			r.SignWith("targets", test.signed...)
			r.Publish()
			file, err := r.verifyTargets()
			if test.want == "" {
				require.NoError(t, err)
				require.NotNil(t, file.Content())
				return
			}
			require.Nil(t, file.Content())
			require.ErrorIs(t, err, roles.ErrThreshold)
			require.ErrorContains(t, err, test.want)
			var e *roles.ThresholdError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "targets", e.Role)
			require.EqualValues(t, test.threshold, e.Threshold)
			require.Less(t, e.Valid, e.Threshold)
		})
	}
}

// R-4.2.4 (G8, K11): text that is not a signature does not count, and does not
// make other signatures invalid.
func TestSignaturesThatAreNone(t *testing.T) {
	for _, sig := range []string{"", "0", "zz", "00", "ff00", strings.Repeat("00", 64), strings.Repeat("0", 1000)} {
		for _, listed := range []bool{true, false} {
			r := newRepository(t)
			r.Rotate("targets", 1, r.keys("a", "b")...)
			r.SignWith("targets", r.keys("a")...)
			id := "somebody"
			if listed {
				id = r.Key("b").ID()
			}
			editSignatures(r, func(list []any) []any { return append([]any{map[string]any{"keyid": id, "sig": sig}}, list...) })
			r.mustVerifyTargets()
			r.Rotate("targets", 2, r.keys("a", "b")...)
			r.Publish()
			_, err := r.verifyTargets()
			require.ErrorIs(t, err, roles.ErrThreshold)
		}
	}
}

// Every byte of the content is signed, also in unknown members at every level
//
func TestEveryByteIsSigned(t *testing.T) {
	r := newRepository(t)
	r.Targets().AddTarget("x", []byte("x"))
	r.Targets().SetCustom("x", map[string]any{"x-in-target": "v"})
	r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a"}})
	r.Edit("targets", func(signed map[string]any) {
		signed["x-top"] = "v"
		delegations := signed["delegations"].(map[string]any)
		delegations["x-delegations"] = "v"
		delegations["roles"].([]any)[0].(map[string]any)["x-role"] = "v"
		for _, k := range delegations["keys"].(map[string]any) {
			k.(map[string]any)["x-key"] = "v"
			k.(map[string]any)["keyval"].(map[string]any)["x-keyval"] = "v"
		}
	})
	r.Publish()
	r.mustVerifyTargets()
	file := r.Metadata()[r.FileName("targets")]
	for _, member := range []string{"x-top", "x-delegations", "x-role", "x-key", "x-keyval", "x-in-target"} {
		r.Metadata()[r.FileName("targets")] = replaceInContent(t, file, `"`+member+`": "v"`, `"`+member+`": "w"`)
		_, err := r.verifyTargets()
		require.ErrorIs(t, err, roles.ErrThreshold, member)
		r.Metadata()[r.FileName("targets")] = replaceInContent(t, file, member, member+"x")
		_, err = r.verifyTargets()
		require.ErrorIs(t, err, roles.ErrThreshold, member)
	}
}

// CVE-2020-6173, K10: the role's keys limit the work, whatever signatures a
// mirror adds.
func TestJunkSignaturesAreNotTried(t *testing.T) {
	r := newRepository(t)
	var tried *int
	r.policy, tried = futurePolicy()
	r.Rotate("targets", 1, r.futureKey("x", nil))
	editSignatures(r, func(list []any) []any {
		for i := range 1000 {
			list = append(list, map[string]any{"keyid": strings.Repeat("f", i+1), "sig": "00"})
		}
		return list
	})
	r.mustVerifyTargets()
	require.Equal(t, 1, *tried)
}

// A ThresholdError counts exactly, and lists the first few keys.
func TestThresholdErrorIsExact(t *testing.T) {
	r := newRepository(t)
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprint("key ", i))
	}
	r.Rotate("targets", 12, r.keys(names...)...)
	r.SignWith("targets", r.keys("stranger", "another", "key 0", "key 11")...)
	r.Publish()
	e := r.thresholdError()
	require.EqualValues(t, 2, e.Valid)
	require.Equal(t, 2, e.Strangers)
	require.Empty(t, e.Wrong)
	require.Equal(t, "targets: not enough signatures: want 12, found 2", e.Error(),
		"other keys are mentioned if no listed key has signed")

	r.SignWith("targets", r.keys(append(names, "stranger")...)...)
	editSignatures(r, func(list []any) []any {
		for _, s := range list[:12] {
			s.(map[string]any)["sig"] = strings.Repeat("00", 64)
		}
		return list
	})
	e = r.thresholdError()
	require.Zero(t, e.Valid)
	require.Len(t, e.Wrong, 8)
	require.Equal(t, 1, e.Strangers)
	require.NotContains(t, e.Error(), "other keys")

	editSignatures(r, func(list []any) []any { return list[12:] })
	require.Equal(t, "targets: not enough signatures: want 12, found 0; found signatures by 1 other keys",
		r.thresholdError().Error())
	editSignatures(r, func([]any) []any { return []any{} })
	require.Equal(t, "targets: not enough signatures: want 12, found 0", r.thresholdError().Error())
}

// K10: signatures that cannot change the result are not verified: the second
// one of a key, and text that is not a signature.
func TestNothingIsVerifiedInVain(t *testing.T) {
	r := newRepository(t)
	var tried *int
	r.policy, tried = futurePolicy()
	a, b := r.futureKey("a", renamed("a")), r.futureKey("b", renamed("b"))
	r.Rotate("targets", 2, a, r.futureKey("a", renamed("again")))
	r.Publish()
	require.EqualValues(t, 1, r.thresholdError().Valid)
	require.Equal(t, 1, *tried)

	r.Rotate("targets", 1, a)
	editSignatures(r, func(list []any) []any {
		return []any{map[string]any{"keyid": "a", "sig": ""}}
	})
	*tried = 0
	r.thresholdError()
	require.Zero(t, *tried)

	// VerifyAnyKeyID tries each signature with the keys that have no valid
	// signature yet, except the key whose ID it has.
	r.EditEnvelope("targets", nil)
	r.Rotate("targets", 2, a, b)
	r.SignWith("targets", a, b)
	r.Publish()
	env := parse[metadata.Targets](r, "targets")
	verifyAnyKeyID := func(keys ...*verifytest.Key) error {
		r.Rotate("targets", 2, keys...)
		r.PublishOnly("root")
		role, err := roles.TopLevel(r.mustInitialRoot(), "targets", r.policy)
		require.NoError(t, err)
		*tried = 0
		_, err = roles.VerifyAnyKeyID(env, role)
		return err
	}
	require.NoError(t, verifyAnyKeyID(r.futureKey("a", renamed("x")), r.futureKey("b", renamed("y"))))
	require.Equal(t, 3, *tried)
	require.NoError(t, verifyAnyKeyID(a, r.futureKey("b", renamed("y"))))
	require.Equal(t, 3, *tried, "one by its ID, then both for the other key")
	require.ErrorIs(t, verifyAnyKeyID(a, r.futureKey("c", renamed("b"))), roles.ErrThreshold)
	require.Equal(t, 3, *tried, "not again for the key whose ID it has")
}

// matching is a scheme whose only valid signature is the key itself. It counts
// the signatures that it verifies.
func matching(tried *int) roles.Policy {
	return roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "matching", Scheme: "matching"}: func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
			return verifyFunc(func(_, sig []byte) error {
				if *tried++; string(sig) != k.Public {
					return errors.New("no")
				}
				return nil
			}), []byte(k.Public), nil
		},
	}}
}

type verifyFunc func(message, sig []byte) error

func (f verifyFunc) Verify(message, sig []byte) error { return f(message, sig) }

// matchingRoot is a root in a DSSE envelope, whose keys have such a scheme, and
// are themselves what their IDs say, behind "key ".
func matchingRoot(
	t *testing.T, size, threshold int, ids []string, signatures []object,
) *metadata.Envelope[metadata.Root] {
	keys, role := object{}, object{"threshold": int64(threshold)}
	var list []any
	for _, id := range ids {
		keys[id] = object{"keytype": "matching", "scheme": "matching", "keyval": object{"public": "key " + id}}
		list = append(list, id)
	}
	role["keyids"] = list
	payload, err := verifytest.Canonical(object{
		"_type": "root", "spec_version": "1.0.0", "version": int64(1), "expires": "2030-01-01T00:00:00Z",
		"x": strings.Repeat("x", size), "keys": keys,
		"roles": object{"root": role, "timestamp": role, "snapshot": role, "targets": role},
	})
	require.NoError(t, err)
	envelope := verifytest.SignDSSE(payload)
	list = nil
	for _, s := range signatures {
		list = append(list, s)
	}
	envelope["signatures"] = list
	file := verifytest.Encode(envelope, "")
	env, err := metadata.Parse[metadata.Root](file, metadata.Options{EnvelopeFormat: metadata.DSSE})
	require.NoError(t, err)
	return env
}

// signature is a signature of a matching key; without a key ID for the key with
// the empty ID.
func signature(id string) object {
	s := object{"sig": base64.StdEncoding.EncodeToString([]byte("key " + id))}
	if id != "" {
		s["keyid"] = id
	}
	return s
}

// K10, K14, R-T17.6: anyone can add signatures without a key ID. For a key with
// the empty ID they are tried until 64 MB are hashed, not counting those that
// cost nothing. Signatures with IDs are tried besides.
func TestManySignaturesWithoutIDs(t *testing.T) {
	junk, none := object{"sig": "AAAA"}, object{"sig": "no base64"}
	var named []string
	var signed []object
	for i := range 16 { // as many as there are tries without IDs
		named = append(named, fmt.Sprint(i))
		signed = append(signed, signature(fmt.Sprint(i)))
	}
	for name, c := range map[string]struct {
		size, threshold int
		ids             []string
		signatures      []object
		tried           int
		want            error
	}{
		"a small file": {0, 1, []string{""}, slices.Repeat([]object{junk}, 1000), 1000, roles.ErrThreshold},
		"a large file": {4 << 20, 1, []string{""}, slices.Repeat([]object{junk}, 1000), 16, roles.ErrThreshold},
		"the last try": {4 << 20, 1, []string{""}, append(slices.Repeat([]object{junk}, 15), signature("")), 16, nil},
		"one behind it": {4 << 20, 1, []string{""}, append(slices.Repeat([]object{junk}, 16), signature("")), 16,
			roles.ErrThreshold},
		"no cost": {4 << 20, 1, []string{""}, append(slices.Repeat([]object{none}, 900), signature("")), 1, nil},
		"another key": {4 << 20, 1, []string{"", "b"}, append(slices.Repeat([]object{junk}, 900), signature("b")), 17,
			nil},
		"after other keys": {4 << 20, 17, append(slices.Clone(named), ""), append(slices.Clone(signed), signature("")),
			17, nil},
	} {
		tried := 0
		_, err := roles.VerifyInitialRoot(matchingRoot(t, c.size, c.threshold, c.ids, c.signatures), matching(&tried))
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, c.tried, tried, name)
	}
}

// The limit of 64 MB does not apply to signatures with a key ID: each ID occurs
// once. Here, 20 keys sign 4 MB.
func TestManySignaturesWithIDs(t *testing.T) {
	r := newRepository(t)
	var keys []*verifytest.Key
	for i := range 20 {
		keys = append(keys, r.Key(fmt.Sprint(i)))
	}
	r.Rotate("targets", len(keys), keys...)
	r.Edit("targets", func(signed map[string]any) { signed["x"] = strings.Repeat("x", 4<<20) })
	r.Publish()
	r.mustVerifyTargets()
}

// K10: a delegator may list a thousand keys, each of which costs a hash of the
// whole file. They are tried until 512 MB are hashed: all of them for a small
// file, and 64 for one of 8 MB. The error says that there are more.
func TestManySignaturesOfListedKeys(t *testing.T) {
	const n = 1000
	var ids, keys, signatures []string
	for i := range n {
		ids = append(ids, fmt.Sprintf(`"%03d"`, i))
		keys = append(keys, ids[i]+`:{"keytype":"counted","scheme":"counted","keyval":{"public":""}}`)
		signatures = append(signatures, `{"keyid":`+ids[i]+`,"sig":"00"}`)
	}
	role := `{"keyids":[` + strings.Join(ids, ",") + `],"threshold":1}`
	for size, want := range map[int]int{0: n, 400_000: n, 8 << 20: 64} {
		file := fmt.Sprintf(`{"signed":{"_type":"root","spec_version":"1.0.0","version":1,`+
			`"expires":"2030-01-01T00:00:00Z","consistent_snapshot":true,"x":%q,"keys":{%s},`+
			`"roles":{"root":%[3]s,"timestamp":%[3]s,"snapshot":%[3]s,"targets":%[3]s}},"signatures":[%[4]s]}`,
			strings.Repeat("x", size), strings.Join(keys, ","), role, strings.Join(signatures, ","))
		env, err := metadata.Parse[metadata.Root]([]byte(file), metadata.Options{})
		require.NoError(t, err)
		tried := new(refuser)
		newVerifier := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) { return tried, []byte(k.ID), nil }
		_, err = roles.VerifyInitialRoot(env, roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
			{KeyType: "counted", Scheme: "counted"}: newVerifier,
		}})
		var threshold *roles.ThresholdError
		require.ErrorAs(t, err, &threshold)
		require.Equal(t, want, int(*tried), size)
		require.Equal(t, n-want, threshold.Untried)
		require.Equal(t, want < n, strings.Contains(err.Error(), "936 more signatures were not tried"), err)
	}
}

// refuser counts the signatures that it refuses.
type refuser int

func (r *refuser) Verify(_, _ []byte) error { *r++; return errors.New("refused") }
