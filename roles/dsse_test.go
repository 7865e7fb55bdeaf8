package roles_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// TestAgainWithDSSE runs all tests of this package again with DSSE envelopes,
// because the rules do not depend on the envelope format.
func TestAgainWithDSSE(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	again := exec.Command(self, "-test.run=^Test", "-test.skip=^TestAgainWithDSSE$", "-test.v")
	again.Env = append(os.Environ(), dsseVariable+"=1")
	out, err := again.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: TestThreshold/two_of_three")
}

// R-T17.2 (T17-3): a signature is valid for one envelope format, one type of
// payload and one spelling of the payload.
func TestDSSESignsOneThing(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{})
	key := r.Keys("targets")[0]
	role, err := roles.TopLevel(r.mustInitialRoot(), "targets", roles.Policy{})
	require.NoError(t, err)
	content := object{
		"_type": "targets", "spec_version": "1.0.34", "version": int64(3),
		"expires": "2030-06-01T00:00:00Z", "targets": object{},
	}
	canonical, err := verifytest.Canonical(content)
	require.NoError(t, err)
	require.NoError(t, verifyDSSE(t, role, verifytest.SignDSSE(canonical, key)))
	indented := verifytest.Encode(content, "\t")
	require.NoError(t, verifyDSSE(t, role, verifytest.SignDSSE(indented, key)), "it need not be canonical")

	signedBy := func(message []byte) object {
		e := verifytest.SignDSSE(canonical)
		e["signatures"] = []any{object{"keyid": key.ID(), "sig": base64.StdEncoding.EncodeToString(key.Sign(message))}}
		return e
	}
	require.NoError(t, verifyDSSE(t, role, signedBy(dsse.PAE(metadata.PayloadType, canonical))))
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
		require.ErrorIs(t, verifyDSSE(t, role, signedBy([]byte(message))), roles.ErrThreshold, name)
	}

	// A signature for DSSE is not valid in a classic file either.
	for _, message := range []string{pae, string(canonical)} {
		sig := hex.EncodeToString(key.Sign([]byte(message)))
		classic := object{"signed": content, "signatures": []any{object{"keyid": key.ID(), "sig": sig}}}
		env, err := metadata.Parse[metadata.Targets](verifytest.Encode(classic, ""), metadata.Options{})
		require.NoError(t, err)
		_, err = roles.Verify(env, role)
		if message == pae {
			require.ErrorIs(t, err, roles.ErrThreshold)
		} else {
			require.NoError(t, err)
		}
	}

	// Every byte of the payload is signed, white space too.
	text := verifytest.Encode(content, " ")
	signed := verifytest.SignDSSE(text, key)
	require.NoError(t, verifyDSSE(t, role, signed))
	signed["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(text), "\n ", "\n", 1)))
	require.ErrorIs(t, verifyDSSE(t, role, signed), roles.ErrThreshold)
	signed["payload"] = base64.URLEncoding.EncodeToString(text)
	require.NoError(t, verifyDSSE(t, role, signed), "the alphabet of base64 is not signed")
}

// referenceSigner signs envelopes of go-securesystemslib.
type referenceSigner struct{ *verifytest.Key }

func (s referenceSigner) Sign(_ context.Context, data []byte) ([]byte, error) {
	return s.Key.Sign(data), nil
}

func (s referenceSigner) KeyID() (string, error) { return s.ID(), nil }

// referenceVerifier verifies their ed25519 signatures.
type referenceVerifier struct{ *verifytest.Key }

func (v referenceVerifier) Verify(_ context.Context, data, sig []byte) error {
	public, err := hex.DecodeString(v.Key.Public)
	if err == nil && !ed25519.Verify(public, data, sig) {
		err = errors.New("wrong signature")
	}
	return err
}

func (v referenceVerifier) KeyID() (string, error) { return v.ID(), nil }

func (v referenceVerifier) Public() crypto.PublicKey { return nil }

// R-T17.2: envelopes of go-securesystemslib are valid here, and those of
// verifytest are valid there.
func TestDSSEAsTheReferenceHasIt(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{})
	a, b := r.Key("a"), r.Key("b")
	r.Rotate("targets", 2, a, b)
	r.Publish()
	role, err := roles.TopLevel(r.mustInitialRoot(), "targets", roles.Policy{})
	require.NoError(t, err)
	payload := []byte(`{"_type":"targets","spec_version":"1.0.34","version":3,` +
		`"expires":"2030-06-01T00:00:00Z","targets":{},"x":"ÿÿ??>>"}`)
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

// R-T17.6 (T17-6): a signature without a key ID counts only where IDs do not
// matter. A key counts once, with IDs or without.
func TestDSSEWithoutKeyIDs(t *testing.T) {
	r := newRepositoryWith(t, verifytest.Options{})
	a, b := r.Key("a"), r.Key("b")
	r.Rotate("targets", 2, a, b)
	r.Publish()
	role, err := roles.TopLevel(r.mustInitialRoot(), "targets", roles.Policy{})
	require.NoError(t, err)
	payload := []byte(`{"_type":"targets","spec_version":"1.0.34","version":3,` +
		`"expires":"2030-06-01T00:00:00Z","targets":{}}`)
	full := verifytest.SignDSSE(payload, a, b)
	require.NoError(t, verifyDSSE(t, role, full))
	sig := func(i int) any { return full["signatures"].([]any)[i].(object)["sig"] }
	for name, c := range map[string]struct {
		signatures []any
		anyKeyID   bool // whether they are enough for VerifyAnyKeyID
	}{
		"absent":     {[]any{object{"sig": sig(0)}, object{"sig": sig(1)}}, true},
		"empty":      {[]any{object{"keyid": "", "sig": sig(0)}, object{"keyid": "", "sig": sig(1)}}, true},
		"one of two": {[]any{object{"keyid": a.ID(), "sig": sig(0)}, object{"sig": sig(1)}}, true},
		"swapped":    {[]any{object{"keyid": b.ID(), "sig": sig(0)}, object{"keyid": a.ID(), "sig": sig(1)}}, true},
		"one key, twice": {
			[]any{object{"keyid": a.ID(), "sig": sig(0)}, object{"sig": sig(0)}, object{"sig": sig(0)}}, false,
		},
	} {
		envelope := verifytest.SignDSSE(payload)
		envelope["signatures"] = c.signatures
		require.ErrorIs(t, verifyDSSE(t, role, envelope), roles.ErrThreshold, name)
		_, err = roles.VerifyAnyKeyID(parseDSSE(t, envelope), role)
		if c.anyKeyID {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, roles.ErrThreshold, name)
		}
	}
}
