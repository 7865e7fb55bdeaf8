package roles_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestThreshold opens a targets file that some keys sign and others are listed
// for.
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
		want      string // of the error; empty: opens
	}{
		{"one of one", 1, keys(a), keys(a), ""},
		{"two of three", 2, keys(a, b, c), keys(c, a), ""},
		{"a stranger besides", 1, keys(a), keys(b, a, c), ""},
		{"only a stranger", 1, keys(a), keys(b), "want 1, found 0"},
		{"one of two", 2, keys(a, b), keys(a), "targets: not enough signatures: want 2, found 1"},
		{"more than there are keys", 3, keys(a, b), keys(a, b), "want 3, found 2"},
		{"one key under two IDs", 2, keys(a, &alias), keys(a, &alias), "want 2, found 1"},
		{"one key in two spellings", 2, keys(a, &upper), keys(a, &upper), "want 2, found 1"},
		{"one key as PEM and as a point", 2, keys(p256, &p256Hex), keys(p256, &p256Hex), "want 2, found 1"},
		{"one key under two IDs, threshold 1", 1, keys(a, &alias), keys(&alias), ""},
		{"an unknown key type beside a good key", 1, keys(&unknown, a), keys(&unknown, a), ""},
		{"an unknown key type alone", 1, keys(&unknown), keys(&unknown), `key type "sigstore-oidc" with scheme "Fulcio" is not supported`},
		{"a key of 63 digits", 1, keys(&short), keys(&short), "64 hexadecimal digits"},
		{"an RSA key as ecdsa", 1, keys(&rsaAsEC), keys(&rsaAsEC), "not a key on P-256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t)
			r.Rotate("targets", test.threshold, test.listed...)
			r.SignWith("targets", test.signed...)
			r.Publish()
			file, err := r.openTargets()
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

// editSignatures changes the list of signatures of the targets role.
func editSignatures(r *repository, f func(list []any) []any) {
	r.EditEnvelope("targets", func(envelope map[string]any) { envelope["signatures"] = f(envelope["signatures"].([]any)) })
	r.Publish()
}

// R-4.2.4 (G8, K11): what is no signature does not count, and spoils nothing.
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
			r.mustOpenTargets()
			r.Rotate("targets", 2, r.keys("a", "b")...)
			r.Publish()
			_, err := r.openTargets()
			require.ErrorIs(t, err, roles.ErrThreshold)
		}
	}
}

// R-4.2.2.1: every scheme, with a good and with a bad signature.
func TestSchemes(t *testing.T) {
	for _, scheme := range []string{"ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsassa-pss-sha256"} {
		r := newRepositoryWith(t, verifytest.Options{Scheme: scheme})
		r.mustOpenTargets()
		editSignatures(r, func(list []any) []any {
			entry := list[0].(map[string]any)
			sig := metadata.Signature{Hex: entry["sig"].(string)}
			if form == metadata.DSSE {
				sig = metadata.Signature{Base64: sig.Hex}
			}
			b := sig.Bytes()
			b[len(b)-1] ^= 1
			entry["sig"] = written(b)
			return list
		})
		_, err := r.openTargets()
		require.ErrorIs(t, err, roles.ErrThreshold, scheme)
		require.ErrorContains(t, err, "wrong: [", scheme)
	}
}

// Every bit of the signed part counts, unknown members at every level
// among them.
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
	r.mustOpenTargets()
	file := r.Metadata()[r.FileName("targets")]
	for _, member := range []string{"x-top", "x-delegations", "x-role", "x-key", "x-keyval", "x-in-target"} {
		for _, swap := range [][]byte{swapped(t, file, `"`+member+`": "v"`, `"`+member+`": "w"`), swapped(t, file, member, member+"x")} {
			r.Metadata()[r.FileName("targets")] = swap
			_, err := r.openTargets()
			require.ErrorIs(t, err, roles.ErrThreshold, member)
		}
	}
}

// .K4: a listed ID without a key.
func TestMissingKey(t *testing.T) {
	r := newRepository(t)
	r.Edit("root", func(signed map[string]any) {
		role := signed["roles"].(map[string]any)["targets"].(map[string]any)
		role["keyids"] = append([]any{"missing"}, role["keyids"].([]any)...)
	})
	r.Publish()
	r.mustOpenTargets()
	r.SignWith("targets", r.keys("stranger")...)
	r.Publish()
	_, err := r.openTargets()
	require.ErrorContains(t, err, `unusable key "missing": not among the keys of the file`)
}

// The zero values accept nothing (decision on zero values; CVE-2026-23992).
func TestZeroValues(t *testing.T) {
	r := newRepository(t)
	env := parse[metadata.Targets](r, "targets")
	_, err := roles.Verify(env, roles.Role{})
	require.ErrorIs(t, err, roles.ErrThreshold)
	_, err = roles.TopLevel(roles.Trusted[metadata.Root]{}, "targets", roles.Policy{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.Delegated(roles.Trusted[metadata.Targets]{}, 0, "a", roles.Policy{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.VerifyAs(roles.Trusted[metadata.Targets]{}, roles.Role{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.VerifyNextRoot(roles.Trusted[metadata.Root]{}, parse[metadata.Root](r, "root"), roles.Policy{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = roles.NewerTimestamp(roles.Trusted[metadata.Timestamp]{}, roles.Trusted[metadata.Timestamp]{})
	require.ErrorIs(t, err, roles.ErrUntrusted)
	require.ErrorIs(t, roles.CheckSnapshot(roles.Trusted[metadata.Snapshot]{}, roles.Trusted[metadata.Snapshot]{}, metadata.MetaFile{}), roles.ErrUntrusted)
	require.ErrorIs(t, roles.CheckTargets(roles.Trusted[metadata.Targets]{}, metadata.MetaFile{}), roles.ErrUntrusted)
	require.ErrorIs(t, roles.CheckFile("x", []byte("y"), metadata.MetaFile{}, roles.Policy{}), roles.ErrLength)
	role, err := roles.TopLevel(r.mustAnchor(), "targets", roles.Policy{})
	require.NoError(t, err)
	_, err = roles.Verify(new(metadata.Envelope[metadata.Targets]), role)
	require.ErrorIs(t, err, roles.ErrThreshold)
	_, err = roles.TopLevel(r.mustAnchor(), "mirrors", roles.Policy{})
	require.ErrorIs(t, err, roles.ErrDelegation)
}

// R-T15.4, R-5.6.3 (GHSA-77hh-43cm-v8j6): a role is what its delegator lists at
// that place under that name.
func TestDelegated(t *testing.T) {
	r := newRepository(t)
	a := r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
	r.Targets().Delegate(verifytest.Delegation{Name: "b", Paths: []string{"*"}})
	a.DelegateSuccinct("bin", 2)
	r.Publish()
	targets := r.mustOpenTargets()
	role, err := roles.Delegated(targets, 0, "a", r.policy)
	require.NoError(t, err)
	require.Equal(t, "a", role.Name())
	file, err := roles.Verify(parse[metadata.Targets](r, "a"), role)
	require.NoError(t, err)
	_, err = roles.Verify(parse[metadata.Targets](r, "b"), role)
	require.ErrorIs(t, err, roles.ErrThreshold, "b's keys are not a's")
	for position, name := range map[int]string{0: "b", 1: "a", 2: "a", -1: "a"} {
		_, err = roles.Delegated(targets, position, name, r.policy)
		require.ErrorIs(t, err, roles.ErrDelegation)
		require.ErrorContains(t, err, "by targets")
	}
	bin, err := roles.Delegated(file, -1, "bin-3", r.policy)
	require.NoError(t, err)
	_, err = roles.Verify(parse[metadata.Targets](r, "bin-3"), bin)
	require.NoError(t, err)
	for _, name := range []string{"bin-4", "bin-03", "other", "a"} {
		_, err = roles.Delegated(file, 0, name, r.policy)
		require.ErrorIs(t, err, roles.ErrDelegation, name)
	}
	binFile, err := roles.Verify(parse[metadata.Targets](r, "bin-3"), bin)
	require.NoError(t, err)
	_, err = roles.Delegated(binFile, 0, "x", r.policy)
	require.ErrorIs(t, err, roles.ErrDelegation, "a role without delegations")
}

// K5, K6: keys belong to the file that lists them.
func TestKeysBelongToTheirFile(t *testing.T) {
	r := newRepository(t)
	inRoot, inTargets := *r.Key("x"), *r.Key("y")
	inRoot.KeyID, inTargets.KeyID = "same", "same"
	r.Rotate("targets", 1, &inRoot)
	a := r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}, Keys: []*verifytest.Key{&inTargets}})
	r.Publish()
	role, err := roles.Delegated(r.mustOpenTargets(), 0, "a", r.policy)
	require.NoError(t, err)
	_, err = roles.Verify(parse[metadata.Targets](r, "a"), role)
	require.NoError(t, err)
	r.SignWith(a.Name(), &inRoot)
	r.Publish()
	_, err = roles.Verify(parse[metadata.Targets](r, "a"), role)
	require.ErrorIs(t, err, roles.ErrThreshold)
}

// countingVerifier lets a test see which signatures are tried at all.
type countingVerifier struct {
	public ed25519.PublicKey
	tried  *int
}

func (v countingVerifier) Verify(message, sig []byte) error {
	*v.tried++
	if !ed25519.Verify(v.public, message, sig) {
		return errors.New("no")
	}
	return nil
}

// Policy.Schemes: more schemes, without power over the built-in ones, and with
// material of their own.
func TestMoreSchemes(t *testing.T) {
	tried := 0
	newVerifier := func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, nil, errors.New("not a key of the future")
		}
		return countingVerifier{public, &tried}, public, nil
	}
	r := newRepository(t)
	future := *r.Key("x")
	future.KeyType, future.Scheme = "future", "future-1"
	twin := future
	twin.KeyID = "twin"
	broken := future
	broken.Public = "00"
	r.policy.Schemes = map[roles.Scheme]roles.NewVerifier{
		{KeyType: "future", Scheme: "future-1"}: newVerifier,
		{KeyType: "ed25519", Scheme: "ed25519"}: func(metadata.Key) (roles.Verifier, []byte, error) {
			t.Error("a built-in scheme cannot be replaced")
			return nil, nil, errors.New("no")
		},
	}
	r.Rotate("targets", 2, &future, r.Key("a"))
	r.Publish()
	r.mustOpenTargets()
	require.Equal(t, 1, tried)
	r.Rotate("targets", 2, &future, &twin)
	r.Publish()
	_, err := r.openTargets()
	require.ErrorContains(t, err, "want 2, found 1")
	r.Rotate("targets", 1, &broken)
	r.Publish()
	_, err = r.openTargets()
	require.ErrorContains(t, err, "not a key of the future")
	bad := *r.Key("a")
	bad.Public = bad.Public[:62]
	r.Rotate("targets", 1, &bad)
	r.Publish()
	_, err = r.openTargets()
	require.ErrorContains(t, err, "64 hexadecimal digits")
}

// CVE-2020-6173, K10: the work is bounded by the role's keys, not by the
// signatures that a mirror adds.
func TestJunkSignaturesAreNotTried(t *testing.T) {
	tried := 0
	r := newRepository(t)
	future := *r.Key("x")
	future.KeyType, future.Scheme = "future", "future-1"
	r.policy.Schemes = map[roles.Scheme]roles.NewVerifier{{KeyType: "future", Scheme: "future-1"}: func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, _ := hex.DecodeString(k.Public)
		return countingVerifier{public, &tried}, public, nil
	}}
	r.Rotate("targets", 1, &future)
	editSignatures(r, func(list []any) []any {
		for i := range 1000 {
			list = append(list, map[string]any{"keyid": strings.Repeat("f", i+1), "sig": "00"})
		}
		return list
	})
	r.mustOpenTargets()
	require.Equal(t, 1, tried)
}

// .K3: one key under a built-in scheme and an added one is one key.
func TestOneKeyUnderTwoSchemes(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{Scheme: "rsassa-pss-sha256"})
	pss := r.Key("x")
	other := *pss
	other.Scheme = "rsassa-pss-sha256-too"
	r.policy.Schemes = map[roles.Scheme]roles.NewVerifier{{KeyType: "rsa", Scheme: "rsassa-pss-sha256-too"}: func(k metadata.Key) (roles.Verifier, []byte, error) {
		block, _ := pem.Decode([]byte(k.Public))
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		return pssVerifier{public.(*rsa.PublicKey)}, block.Bytes, err
	}}
	r.Rotate("targets", 1, &other)
	r.Publish()
	r.mustOpenTargets()
	r.Rotate("targets", 2, pss, &other)
	r.Publish()
	_, err := r.openTargets()
	require.ErrorContains(t, err, "want 2, found 1")
}

type pssVerifier struct{ public *rsa.PublicKey }

func (v pssVerifier) Verify(message, sig []byte) error {
	sum := sha256.Sum256(message)
	return rsa.VerifyPSS(v.public, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: 32})
}

// Junk signatures cost a bounded time, also where they are tried with any key
// (CVE-2020-6173).
func TestRecognizeIsBounded(t *testing.T) {
	tried := 0
	r := newRepository(t)
	future := *r.Key("x")
	future.KeyType, future.Scheme = "future", "future-1"
	r.policy.Schemes = map[roles.Scheme]roles.NewVerifier{{KeyType: "future", Scheme: "future-1"}: func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, _ := hex.DecodeString(k.Public)
		return countingVerifier{public, &tried}, public, nil
	}}
	r.Rotate("targets", 1, &future)
	r.Edit("targets", func(signed map[string]any) { signed["x"] = strings.Repeat("x", 1<<20) })
	r.EditEnvelope("targets", func(envelope map[string]any) {
		var junk []any
		for i := range 1000 {
			junk = append(junk, map[string]any{"keyid": strings.Repeat("f", i+1), "sig": strings.Repeat("00", 64)})
		}
		envelope["signatures"] = append(junk, envelope["signatures"].([]any)...)
	})
	r.Publish()
	role, err := roles.TopLevel(r.mustAnchor(), "targets", r.policy)
	require.NoError(t, err)
	_, err = roles.VerifyAnyKeyID(parse[metadata.Targets](r, "targets"), role)
	require.NoError(t, err, "the right ID comes first")
	require.Equal(t, 1, tried)
	renamed := future
	renamed.KeyID = "renamed"
	r.Rotate("targets", 1, &renamed)
	r.PublishOnly("root")
	role, err = roles.TopLevel(r.mustAnchor(), "targets", r.policy)
	require.NoError(t, err)
	tried = 0
	_, err = roles.VerifyAnyKeyID(parse[metadata.Targets](r, "targets"), role)
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.Equal(t, 64, tried, "a megabyte each, and what is around it")
}
