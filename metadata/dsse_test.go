package metadata_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-T17.1, R-T17.3, R-T17.5, R-T17.6 (T17-2, T17-4, T17-5, T17-6): the members
// of a DSSE envelope.
func TestDSSEEnvelope(t *testing.T) {
	const root = `{"_type":"root"}`
	b64 := base64.StdEncoding.EncodeToString
	with := func(payload, rest string) string { return `{"payload":"` + b64([]byte(payload)) + `",` + rest + `}` }
	const kind, none = `"payloadType":"application/vnd.tuf+json"`, `"signatures":[]`
	for _, c := range []struct{ name, in, want string }{
		{"null", `null`, `found null, want an object`},
		{"array", `[]`, `found an array, want an object`},
		{"empty", `{}`, `member "payload" is missing`},
		{"a classic file", `{"signatures":[],"signed":` + root + `}`,
			`signed (offset 26): a member of the other envelope format`},
		{"a file of both formats", with(root, kind+`,"signatures":[],"signed":`+root),
			`a member of the other envelope format`},
		{"no type", with(root, none), `member "payloadType" is missing`},
		{"no signatures", with(root, kind), `member "signatures" is missing`},
		{"Payload in another case", strings.Replace(with(root, kind+`,`+none), "payload\"", "Payload\"", 1),
			`member "payload" is missing`},
		{"PayloadType in another case", with(root, `"PayloadType":"application/vnd.tuf+json",`+none),
			`member "payloadType" is missing`},
		{"type twice", with(root, kind+`,`+kind+`,`+none), `payloadType (offset`},
		{"payload twice", `{"payload":"e30=",` + with(root, kind+`,`+none)[1:], `payload (offset 18): duplicate name`},
		{"payload twice, once escaped", `{"p\u0061yload":"e30=",` + with(root, kind+`,`+none)[1:], `duplicate name`},
		{"trailing data", with(root, kind+`,`+none) + `{}`, `data after the end`},
		{"type number", with(root, `"payloadType":1,`+none), `found a number, want a string`},
		{"type empty", with(root, `"payloadType":"",`+none),
			`payloadType (offset 52): found "", want "application/vnd.tuf+json"`},
		{"another type", with(root, `"payloadType":"application/vnd.in-toto+json",`+none),
			`found "application/vnd.in-toto+json", want`},
		{"the type in another case", with(root, `"payloadType":"application/vnd.TUF+json",`+none),
			`want "application/vnd.tuf+json"`},
		{"the type with a parameter", with(root, `"payloadType":"application/vnd.tuf+json; charset=utf-8",`+none),
			`want "application/vnd.tuf+json"`},
		{"the type with a space", with(root, `"payloadType":"application/vnd.tuf+json ",`+none),
			`want "application/vnd.tuf+json"`},
		{"payload null", `{"payload":null,` + kind + `,` + none + `}`, `payload (offset 11): found null, want a string`},
		{"payload an object", `{"payload":` + root + `,` + kind + `,` + none + `}`, `found an object, want a string`},
		{"payload empty", with("", kind+`,`+none), `payload (offset 11): not base64, or empty`},
		{"payload not JSON", with("x", kind+`,`+none), `payload (offset 0): found "x", want a value`},
		{"payload an array", with("[]", kind+`,`+none), `payload (offset 0): found an array, want an object`},
		{"payload a string", with(`"x"`, kind+`,`+none), `found a string, want an object`},
		{"payload of two values", with(root+root, kind+`,`+none), `payload (offset 16): data after the end`},
		{"payload with a BOM", with("\ufeff"+root, kind+`,`+none), `want a value`},
		{"payload without a type", with(`{}`, kind+`,`+none), `payload (offset 0): member "_type" is missing`},
		{"payload of another type", with(`{"_type":"snapshot"}`, kind+`,`+none),
			`payload._type (offset 9): found "snapshot", want "root"`},
		{"payload with its type further in", with(`{"x":{"_type":"root"}}`, kind+`,`+none), `member "_type" is missing`},
		{"payload with a duplicate", with(`{"_type":"root","a":1,"a":2}`, kind+`,`+none),
			`payload.a (offset 22): duplicate name`},
		{"payload with a fraction", with(`{"_type":"root","a":1.0}`, kind+`,`+none),
			`payload.a (offset 20): a number that is not an integer`},
		{"a nested envelope", with(with(root, kind+`,`+none), kind+`,`+none), `member "_type" is missing`},
		{"a classic file inside", with(`{"signatures":[],"signed":`+root+`}`, kind+`,`+none), `member "_type" is missing`},
		{"signatures null", with(root, kind+`,"signatures":null`), `found null, want an array`},
		{"signature null", with(root, kind+`,"signatures":[null]`), `signatures[0] (offset`},
		{"no sig", with(root, kind+`,"signatures":[{"keyid":"a"}]`), `member "sig" is missing`},
		{"sig number", with(root, kind+`,"signatures":[{"sig":1}]`), `signatures[0].sig`},
		{"key ID null", with(root, kind+`,"signatures":[{"sig":"","keyid":null}]`), `signatures[0].keyid`},
		{"key ID twice",
			with(root, kind+`,"signatures":[{"keyid":"a","sig":"AA=="},{"sig":""},{"keyid":"a","sig":"AQ=="}]`),
			`two signatures with the key ID "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseDSSE[metadata.Root]([]byte(c.in))
			require.ErrorIs(t, err, metadata.ErrSyntax)
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, in := range []string{
		with(root, kind+`,`+none),
		with(" "+root+"\n", kind+`,`+none+`,"x":{"signed":1.5}`),
		with(root, `"payloadType":"application\/vnd.tuf\u002bjson",`+none),
		with(root, kind+`,"signatures":[{"sig":"AA=="},{"sig":"AQ==","keyid":""},`+
			`{"keyid":"a","sig":"Ag==","x":null},{"sig":"?"}]`),
	} {
		_, err := parseDSSE[metadata.Root]([]byte(in))
		require.NoError(t, err, in)
	}
}

// R-T17.5 (T17-1): the caller chooses the envelope format. No file is valid in
// both, and there are no other formats.
func TestEnvelopeFormatIsNotSniffed(t *testing.T) {
	classic, dsse := `{"signatures":[],"signed":`+goodTimestamp+`}`, string(inDSSE(goodTimestamp))
	_, err := metadata.Parse[metadata.Timestamp]([]byte(dsse), metadata.Options{})
	require.ErrorContains(t, err, `member "signed" is missing`)
	_, err = parseDSSE[metadata.Timestamp]([]byte(classic))
	require.ErrorContains(t, err, "a member of the other envelope format")
	for _, f := range []metadata.EnvelopeFormat{-1, 2} {
		for _, file := range []string{classic, dsse} {
			_, err = metadata.Parse[metadata.Timestamp]([]byte(file), metadata.Options{EnvelopeFormat: f})
			require.ErrorIs(t, err, metadata.ErrSyntax)
			require.ErrorContains(t, err, "there is no envelope format number")
		}
	}
}

// R-T17.2 (T17-3): signatures cover the payload as it was received, not its
// canonical form, with its type and length before it.
func TestDSSECoversThePayloadAsItCame(t *testing.T) {
	for _, content := range []string{
		goodTimestamp,
		" " + goodTimestamp + "\r\n",
		strings.Replace(goodTimestamp, `"_type":"timestamp"`, `"x":"\u0041\/","_type":"time\u0073tamp"`, 1),
	} {
		data := inDSSE(content)
		env, err := parseDSSE[metadata.Timestamp](data)
		require.NoError(t, err)
		want := fmt.Sprintf("DSSEv1 24 application/vnd.tuf+json %d %s", len(content), content)
		require.Equal(t, want, string(env.Payload()))
		require.NoError(t, env.CheckPayload(func(payload []byte) error {
			require.Equal(t, want, string(payload))
			return nil
		}))
		clear(data) // the envelope retains no part of it
		clear(env.Payload())
		require.Equal(t, want, string(env.Payload()))
		c, err := env.Unverified()
		require.NoError(t, err)
		require.EqualValues(t, 7, c.Version)
	}
}

// R-T17.3, R-4.2.4 (T17-4): base64 has two alphabets, and one spelling in each.
// A payload in any other text is refused, and a signature does not count.
func TestDSSEBase64(t *testing.T) {
	for text, want := range map[string][]byte{
		"AP//": {0, 255, 255}, "+/+/": {0xfb, 0xff, 0xbf},
		"AP__": {0, 255, 255}, "-_-_": {0xfb, 0xff, 0xbf},
		"AA==": {0}, "AAE=": {0, 1},
		"": nil, "+/-_": nil, "AA": nil, "AA=": nil, "AAE": nil, "AB==": nil, "AAF=": nil,
		"AA==\n": nil, "A\nA==": nil, "A\rA==": nil, " AA==": nil, "AA== ": nil, "AA==AA==": nil,
		"AA===": nil, "====": nil, "é": nil, "00ff00f": nil, "A A==": nil, "A\x00==": nil,
	} {
		require.Equal(t, want, metadata.Signature{Base64: text}.Bytes(), "%q", text)
	}
	require.Equal(t, []byte{0xd3, 0x4d, 0x34}, metadata.Signature{Base64: "0000"}.Bytes(), "not hexadecimal")

	envelope := verifytest.SignDSSE([]byte(goodTimestamp + " "))
	payload := envelope["payload"].(string)
	require.True(t, strings.HasSuffix(payload, "="), "there are bits to spare")
	parse := func(text string) error {
		envelope["payload"] = text
		_, err := parseDSSE[metadata.Timestamp](verifytest.Encode(envelope, ""))
		return err
	}
	require.NoError(t, parse(payload))
	padding := strings.IndexByte(payload, '=')
	stray := payload[:padding-1] + string(payload[padding-1]+1) + payload[padding:]
	for _, bad := range []string{
		stray, strings.TrimRight(payload, "="), payload + "=", payload + payload, payload[1:],
		payload + "\n", payload[:8] + "\n" + payload[8:], "\r" + payload, " " + payload,
		base64.RawURLEncoding.EncodeToString([]byte(goodTimestamp)) + ".", "{}",
	} {
		require.ErrorContains(t, parse(bad), "payload (offset 11): not base64, or empty", bad)
	}

	// A payload may be in either alphabet. This one has bytes that the
	// alphabets spell differently.
	content := []byte(strings.Replace(goodTimestamp, `"version":7`, `"version":7,"x":"???~~~>>>ÿÿÿ"`, 1))
	standard, safe := base64.StdEncoding.EncodeToString(content), base64.URLEncoding.EncodeToString(content)
	require.NotEqual(t, standard, safe)
	require.NoError(t, parse(standard))
	require.NoError(t, parse(safe))
	require.ErrorContains(t, parse(standard[:len(standard)/2/4*4]+safe[len(safe)/2/4*4:]+"-+"), "not base64")
}

// R-T17.6: the number of signatures is limited as in a classic file, and a
// signature may have no key ID.
func TestDSSESignatures(t *testing.T) {
	var list []any
	for i := range 3 {
		list = append(list, map[string]any{"sig": base64.StdEncoding.EncodeToString([]byte{byte(i)})})
	}
	list = append(list, map[string]any{"keyid": "", "sig": "AA=="}, map[string]any{"keyid": "a", "sig": "00ff"})
	envelope := verifytest.SignDSSE([]byte(goodTimestamp))
	envelope["signatures"] = list
	data := verifytest.Encode(envelope, " ")
	env, err := parseDSSE[metadata.Timestamp](data)
	require.NoError(t, err)
	var got [][2]string
	for _, s := range env.Signatures() {
		require.Empty(t, s.Hex)
		got = append(got, [2]string{s.KeyID, s.Base64})
	}
	require.Equal(t, [][2]string{{"", "AA=="}, {"", "AQ=="}, {"", "Ag=="}, {"", "AA=="}, {"a", "00ff"}}, got)
	_, err = metadata.Parse[metadata.Timestamp](data, metadata.Options{EnvelopeFormat: metadata.DSSE, MaxSignatures: 5})
	require.NoError(t, err)
	_, err = metadata.Parse[metadata.Timestamp](data, metadata.Options{EnvelopeFormat: metadata.DSSE, MaxSignatures: 4})
	require.ErrorContains(t, err, "more than 4 signatures")
}

// R-T17.4: the limit of nesting is the same as for a classic file. The string
// around the content does not change it.
func TestDSSEDepth(t *testing.T) {
	for depth, want := range map[int]string{3: "nested deeper than 3 levels", 4: ""} {
		for f, file := range map[metadata.EnvelopeFormat][]byte{
			metadata.Classic: []byte(`{"signatures":[],"signed":{"_type":"root","x":[[]]}}`),
			metadata.DSSE:    inDSSE(`{"_type":"root","x":[[]]}`),
		} {
			_, err := metadata.Parse[metadata.Root](file, metadata.Options{EnvelopeFormat: f, MaxDepth: depth})
			if want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, want)
			}
		}
	}
}
