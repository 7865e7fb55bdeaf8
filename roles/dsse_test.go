package roles_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const formVariable = "TUFWALK_TEST_DSSE"

type object = map[string]any

// form is the form of envelope of the repositories in this package's tests.
var form = map[bool]metadata.EnvelopeFormat{false: metadata.Classic, true: metadata.DSSE}[os.Getenv(formVariable) != ""]

// TestAgainWithDSSE runs all the tests of this package once more, with DSSE
// envelopes: thresholds and versions know nothing of the form.
func TestAgainWithDSSE(t *testing.T) {
	if form == metadata.DSSE {
		t.Skip("this is that run")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	again := exec.Command(self, "-test.run=^Test", "-test.v")
	again.Env = append(os.Environ(), formVariable+"=1")
	out, err := again.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: TestThreshold/two_of_three")
	require.Contains(t, string(out), "--- SKIP: TestAgainWithDSSE")
}

// covered returns what signatures of an envelope cover.
func covered(t *testing.T, envelope map[string]any) []byte {
	if form == metadata.DSSE {
		payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
		require.NoError(t, err)
		return dsse.PAE(envelope["payloadType"].(string), payload)
	}
	message, err := verifytest.Canonical(envelope["signed"])
	require.NoError(t, err)
	return message
}

// swapped puts other text in the place of a part of a file's content.
func swapped(t *testing.T, file []byte, old, text string) []byte {
	if form == metadata.Classic {
		require.Contains(t, string(file), old)
		return []byte(strings.Replace(string(file), old, text, 1))
	}
	tree, err := verifytest.Decode(file)
	require.NoError(t, err)
	envelope := tree.(object)
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	require.NoError(t, err)
	require.Contains(t, string(payload), old)
	envelope["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(payload), old, text, 1)))
	return verifytest.Encode(envelope, " ")
}

// written spells a signature in another way than verifytest does, where there
// is one.
func written(sig []byte) string {
	if form == metadata.DSSE {
		return base64.URLEncoding.EncodeToString(sig)
	}
	return strings.ToUpper(hex.EncodeToString(sig))
}

// opened is what a role makes of a targets file in a DSSE envelope, signed for
// it or not.
func opened(t *testing.T, role roles.Role, envelope map[string]any) error {
	t.Helper()
	env, err := metadata.Parse[metadata.Targets](verifytest.Encode(envelope, ""), metadata.Options{EnvelopeFormat: metadata.DSSE})
	require.NoError(t, err)
	_, err = roles.Verify(env, role)
	return err
}

// R-T17.2 (T17-3): a signature is for one form, one type of payload and one
// spelling of it. Nothing that the right keys signed in another way counts.
func TestDSSESignsOneThing(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{})
	key := r.Keys("targets")[0]
	role, err := roles.TopLevel(r.mustAnchor(), "targets", roles.Policy{})
	require.NoError(t, err)
	content := object{
		"_type": "targets", "spec_version": "1.0.34", "version": int64(3), "expires": "2030-06-01T00:00:00Z", "targets": object{},
	}
	canonical, err := verifytest.Canonical(content)
	require.NoError(t, err)
	require.NoError(t, opened(t, role, verifytest.SignDSSE(canonical, key)))
	require.NoError(t, opened(t, role, verifytest.SignDSSE(verifytest.Encode(content, "\t"), key)), "it need not be canonical")

	signedBy := func(message []byte) object {
		e := verifytest.SignDSSE(canonical)
		e["signatures"] = []any{object{"keyid": key.ID(), "sig": base64.StdEncoding.EncodeToString(key.Sign(message))}}
		return e
	}
	require.NoError(t, opened(t, role, signedBy(dsse.PAE(metadata.PayloadType, canonical))))
	pae := string(dsse.PAE(metadata.PayloadType, canonical))
	for name, message := range map[string]string{
		"a classic signature":                 string(canonical),
		"the text of the payload":             base64.StdEncoding.EncodeToString(canonical),
		"another type":                        string(dsse.PAE("application/vnd.in-toto+json", canonical)),
		"no type":                             string(dsse.PAE("", canonical)),
		"the type in another case":            string(dsse.PAE("application/vnd.TUF+json", canonical)),
		"another spelling of the content":     string(dsse.PAE(metadata.PayloadType, verifytest.Encode(content, " "))),
		"white space behind the content":      string(dsse.PAE(metadata.PayloadType, []byte(string(canonical)+"\n"))),
		"the encoding of the encoding":        string(dsse.PAE(metadata.PayloadType, []byte(pae))),
		"another version of the encoding":     strings.Replace(pae, "DSSEv1", "DSSEv2", 1),
		"an encoding without lengths":         "DSSEv1 " + metadata.PayloadType + " " + string(canonical),
		"an encoding with a leading zero":     strings.Replace(pae, "DSSEv1 24 ", "DSSEv1 024 ", 1),
		"a type and payload shifted by space": string(dsse.PAE(metadata.PayloadType+" ", canonical)),
	} {
		require.ErrorIs(t, opened(t, role, signedBy([]byte(message))), roles.ErrThreshold, name)
	}

	// And the other way round: what was signed for DSSE is nothing in a classic
	// file.
	for _, message := range []string{pae, string(canonical)} {
		sig := hex.EncodeToString(key.Sign([]byte(message)))
		env, err := metadata.Parse[metadata.Targets](verifytest.Encode(object{"signed": content, "signatures": []any{object{"keyid": key.ID(), "sig": sig}}}, ""), metadata.Options{})
		require.NoError(t, err)
		_, err = roles.Verify(env, role)
		if message == pae {
			require.ErrorIs(t, err, roles.ErrThreshold)
		} else {
			require.NoError(t, err)
		}
	}

	// Every byte of the payload counts, white space too.
	text := verifytest.Encode(content, " ")
	signed := verifytest.SignDSSE(text, key)
	require.NoError(t, opened(t, role, signed))
	signed["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(text), "\n ", "\n", 1)))
	require.ErrorIs(t, opened(t, role, signed), roles.ErrThreshold)
	signed["payload"] = base64.URLEncoding.EncodeToString(text)
	require.NoError(t, opened(t, role, signed), "the alphabet of base64 is not signed")
}

// referenceSigner signs for go-securesystemslib's own envelopes.
type referenceSigner struct{ *verifytest.Key }

func (s referenceSigner) Sign(_ context.Context, data []byte) ([]byte, error) {
	return s.Key.Sign(data), nil
}
func (s referenceSigner) KeyID() (string, error) { return s.ID(), nil }

// referenceVerifier checks for them; the key's signatures must be ed25519.
type referenceVerifier struct{ *verifytest.Key }

func (v referenceVerifier) Verify(_ context.Context, data, sig []byte) error {
	public, err := hex.DecodeString(v.Key.Public)
	if err == nil && !ed25519.Verify(public, data, sig) {
		err = errors.New("wrong signature")
	}
	return err
}
func (v referenceVerifier) KeyID() (string, error)   { return v.ID(), nil }
func (v referenceVerifier) Public() crypto.PublicKey { return nil }

// R-T17.2: go-securesystemslib's envelopes open here, and what verifytest makes
// is good there.
func TestDSSEAsTheReferenceHasIt(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{})
	a, b := r.Key("a"), r.Key("b")
	r.Rotate("targets", 2, a, b)
	r.Publish()
	role, err := roles.TopLevel(r.mustAnchor(), "targets", roles.Policy{})
	require.NoError(t, err)
	payload := []byte(`{"_type":"targets","spec_version":"1.0.34","version":3,"expires":"2030-06-01T00:00:00Z","targets":{},"x":"ÿÿ??>>"}`)
	for _, c := range []struct {
		signers []dsse.Signer
		want    error
	}{
		{[]dsse.Signer{referenceSigner{a}, referenceSigner{b}}, nil},
		{[]dsse.Signer{referenceSigner{b}}, roles.ErrThreshold},
		{[]dsse.Signer{referenceSigner{b}, referenceSigner{r.Key("else")}}, roles.ErrThreshold},
	} {
		signer, err := dsse.NewEnvelopeSigner(c.signers...)
		require.NoError(t, err)
		envelope, err := signer.SignPayload(context.Background(), metadata.PayloadType, payload)
		require.NoError(t, err)
		data, err := json.Marshal(envelope)
		require.NoError(t, err)
		env, err := metadata.Parse[metadata.Targets](data, metadata.Options{EnvelopeFormat: metadata.DSSE})
		require.NoError(t, err)
		_, err = roles.Verify(env, role)
		require.ErrorIs(t, err, c.want)
	}

	var envelope dsse.Envelope
	require.NoError(t, json.Unmarshal(verifytest.Encode(verifytest.SignDSSE(payload, a, b), " "), &envelope))
	verifier, err := dsse.NewMultiEnvelopeVerifier(2, referenceVerifier{a}, referenceVerifier{b})
	require.NoError(t, err)
	_, got, err := verifier.VerifyAndDecode(context.Background(), &envelope)
	require.NoError(t, err)
	require.Equal(t, payload, got)
}

// R-T17.6 (T17-6): a signature without a key ID counts for no key, but where
// IDs do not matter; with them or without, a key counts once.
func TestDSSEWithoutKeyIDs(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{})
	a, b := r.Key("a"), r.Key("b")
	r.Rotate("targets", 2, a, b)
	r.Publish()
	role, err := roles.TopLevel(r.mustAnchor(), "targets", roles.Policy{})
	require.NoError(t, err)
	payload := []byte(`{"_type":"targets","spec_version":"1.0.34","version":3,"expires":"2030-06-01T00:00:00Z","targets":{}}`)
	full := verifytest.SignDSSE(payload, a, b)
	require.NoError(t, opened(t, role, full))
	sig := func(i int) string { return full["signatures"].([]any)[i].(object)["sig"].(string) }
	for name, c := range map[string]struct {
		signatures []any
		recognized bool
	}{
		"absent":         {[]any{object{"sig": sig(0)}, object{"sig": sig(1)}}, true},
		"empty":          {[]any{object{"keyid": "", "sig": sig(0)}, object{"keyid": "", "sig": sig(1)}}, true},
		"one of two":     {[]any{object{"keyid": a.ID(), "sig": sig(0)}, object{"sig": sig(1)}}, true},
		"swapped":        {[]any{object{"keyid": b.ID(), "sig": sig(0)}, object{"keyid": a.ID(), "sig": sig(1)}}, true},
		"one key, twice": {[]any{object{"keyid": a.ID(), "sig": sig(0)}, object{"sig": sig(0)}, object{"sig": sig(0)}}, false},
	} {
		envelope := verifytest.SignDSSE(payload)
		envelope["signatures"] = c.signatures
		require.ErrorIs(t, opened(t, role, envelope), roles.ErrThreshold, name)
		env, err := metadata.Parse[metadata.Targets](verifytest.Encode(envelope, ""), metadata.Options{EnvelopeFormat: metadata.DSSE})
		require.NoError(t, err)
		_, err = roles.VerifyAnyKeyID(env, role)
		if c.recognized {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, roles.ErrThreshold, name)
		}
	}
}

// Anybody can add signatures without a key ID. Where a key is listed under the
// empty one, they are tried as far as 64 MB of hashing go, and no further.
func TestManySignaturesWithoutIDs(t *testing.T) {
	for size, want := range map[int]int{0: 1000, 4 << 20: 16} { // 4 MB and what is around them are no 16th of 64
		const role = `{"keyids":[""],"threshold":1}`
		payload := fmt.Sprintf(`{"_type":"root","spec_version":"1.0.0","version":1,"expires":"2030-01-01T00:00:00Z","consistent_snapshot":true,"x":%q,`+
			`"keys":{"":{"keytype":"counted","scheme":"counted","keyval":{"public":""}}},"roles":{"root":%[2]s,"timestamp":%[2]s,"snapshot":%[2]s,"targets":%[2]s}}`,
			strings.Repeat("x", size), role)
		file := fmt.Sprintf(`{"payload":%q,"payloadType":%q,"signatures":[%s]}`, base64.StdEncoding.EncodeToString([]byte(payload)), metadata.PayloadType,
			strings.TrimSuffix(strings.Repeat(`{"sig":"AAAA"},`, 1000), ","))
		env, err := metadata.Parse[metadata.Root]([]byte(file), metadata.Options{EnvelopeFormat: metadata.DSSE})
		require.NoError(t, err)
		tried := new(counted)
		_, err = roles.VerifyInitialRoot(env, roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{
			{KeyType: "counted", Scheme: "counted"}: func(metadata.Key) (roles.Verifier, []byte, error) { return tried, []byte("x"), nil },
		}})
		require.ErrorIs(t, err, roles.ErrThreshold)
		require.Equal(t, want, int(*tried))
	}
}

// What has an ID is named once, and all of it counts: 20 keys sign 4 MB, of
// which 16 go into 64 MB.
func TestManySignaturesWithIDs(t *testing.T) {
	r := newRepository(t)
	var keys []*verifytest.Key
	for i := range 20 {
		keys = append(keys, r.Key(fmt.Sprint(i)))
	}
	r.Rotate("targets", len(keys), keys...)
	r.Edit("targets", func(signed map[string]any) { signed["x"] = strings.Repeat("x", 4<<20) })
	r.Publish()
	r.mustOpenTargets()
}

// counted accepts nothing and counts how often it is asked.
type counted int

func (c *counted) Verify([]byte, []byte) error {
	*c++
	return errors.New("no")
}
