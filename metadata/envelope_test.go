package metadata_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// the members of the envelope.
func TestEnvelope(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"null", `null`, `found null, want an object`},
		{"array", `[]`, `found an array, want an object`},
		{"string", `"x"`, `found a string, want an object`},
		{"number", `1.5`, `found a number, want an object`},
		{"empty", `{}`, `member "signed" is missing`},
		{"no signatures", `{"signed":{"_type":"root"}}`, `member "signatures" is missing`},
		{"signed null", `{"signatures":[],"signed":null}`, `signed (offset 26): found null, want an object`},
		{"signed array", `{"signatures":[],"signed":[]}`, `want an object`},
		{"Signed in another case", `{"signatures":[],"Signed":{"_type":"root"}}`, `member "signed" is missing`},
		{"no type", `{"signatures":[],"signed":{}}`, `member "_type" is missing`},
		{"type null", `{"signatures":[],"signed":{"_type":null}}`, `signed._type (offset 35): found null, want a string`},
		{"another type", `{"signatures":[],"signed":{"_type":"snapshot"}}`, `found "snapshot", want "root"`},
		{"Notary's type", `{"signatures":[],"signed":{"_type":"Root"}}`,
			`found "Root", want "root": not a TUF 1.x root file`},
		{"signatures null", `{"signatures":null,"signed":{"_type":"root"}}`, `found null, want an array`},
		{"signatures object", `{"signatures":{},"signed":{"_type":"root"}}`, `want an array`},
		{"signature null", `{"signatures":[null],"signed":{"_type":"root"}}`, `signatures[0] (offset 15): found null`},
		{"no key ID", `{"signatures":[{"sig":""}],"signed":{"_type":"root"}}`,
			`signatures[0] (offset 15): member "keyid" is missing`},
		{"no sig", `{"signatures":[{"keyid":""}],"signed":{"_type":"root"}}`, `member "sig" is missing`},
		{"key ID number", `{"signatures":[{"keyid":1,"sig":""}],"signed":{"_type":"root"}}`, `found a number, want a string`},
		{"sig null", `{"signatures":[{"keyid":"a","sig":null}],"signed":{"_type":"root"}}`, `signatures[0].sig`},
		{"key ID twice",
			`{"signatures":[{"keyid":"a","sig":"00"},{"keyid":"a","sig":"01"}],"signed":{"_type":"root"}}`,
			`two signatures with the key ID "a"`},
		{"key ID twice, apart",
			`{"signatures":[{"keyid":"a","sig":""},{"keyid":"b","sig":""},{"keyid":"a","sig":""}],` +
				`"signed":{"_type":"root"}}`,
			`two signatures`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := metadata.Parse[metadata.Root]([]byte(c.in), metadata.Options{})
			require.ErrorIs(t, err, metadata.ErrSyntax)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// a signature in no valid encoding does not make the file
// invalid.
func TestSignatureBytes(t *testing.T) {
	for hex, want := range map[string][]byte{
		"": nil, "0": nil, "zz": nil, "00FFff": {0, 255, 255}, "00 ": nil, "é": nil,
	} {
		require.Equal(t, want, metadata.Signature{Hex: hex}.Bytes(), "%q", hex)
	}
}

func TestEnvelopeRetainsNothingOfItsInput(t *testing.T) {
	file := []byte(timestampWith(""))
	env, err := metadata.Parse[metadata.Timestamp](file, metadata.Options{})
	require.NoError(t, err)
	before := string(env.Payload())
	for i := range file {
		file[i] = 'x'
	}
	clear(env.Payload())
	require.Equal(t, before, string(env.Payload()))
	content, err := env.Unverified()
	require.NoError(t, err)
	require.EqualValues(t, 1, content.Snapshot().Version)
}

// File has the bytes of a classic file in canonical form, which are those that
// were parsed, and not the caller's. Others would take more memory.
func TestFile(t *testing.T) {
	canonical := `{"signatures":[],"signed":` + goodTimestamp + `}`
	for name, c := range map[string]struct {
		file   string
		format metadata.EnvelopeFormat
		want   []byte
	}{
		"canonical":              {canonical, metadata.Classic, []byte(canonical)},
		"text in UTF-8":          {`{"a":"é",` + canonical[1:], metadata.Classic, []byte(`{"a":"é",` + canonical[1:])},
		"a space in front":       {" " + canonical, metadata.Classic, nil},
		"a space inside":         {"{ " + canonical[1:], metadata.Classic, nil},
		"a newline at the end":   {canonical + "\n", metadata.Classic, nil},
		"an escape":              {`{"a":"\n",` + canonical[1:], metadata.Classic, nil},
		"members in no order":    {`{"b":1,"a":1,` + canonical[1:], metadata.Classic, nil},
		"DSSE, canonical inside": {string(inDSSE(goodTimestamp)), metadata.DSSE, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := []byte(c.file)
			env, err := metadata.Parse[metadata.Timestamp](in, metadata.Options{EnvelopeFormat: c.format})
			require.NoError(t, err)
			clear(in)
			require.Equal(t, c.want, env.File())
		})
	}
}

// Any JSON number is accepted outside "signed", where it has no meaning.
func TestNumbersOutsideSigned(t *testing.T) {
	const signed = `"signatures":[],"signed":{"_type":"root"}`
	for _, number := range []string{"0", "-0", "1.50", "1e3", "1E+3", "-1.5e-3"} {
		_, err := metadata.Parse[metadata.Root]([]byte(`{"a":`+number+`,`+signed+`}`), metadata.Options{})
		require.NoError(t, err, number)
	}
	for _, number := range []string{"1.", ".5", "1e", "1e+", "00", "--1"} {
		_, err := metadata.Parse[metadata.Root]([]byte(`{"a":`+number+`,`+signed+`}`), metadata.Options{})
		require.ErrorIs(t, err, metadata.ErrSyntax, number)
	}
}

// Signature.JSON has all members of an entry, as other JSON, whatever text the
// signature is. For an entry that is not from a file it is nil.
func TestSignatureJSON(t *testing.T) {
	list := `[{ "sig" : "MEUC+/==", "keyid":"a",
		"bundle":{"b":[1.50,-0,1e9,null,true,"\u0001\n\u00e9\ud83d\ude00\"\\"],"a":{}}},{"keyid":"b","sig":""}]`
	for format, file := range map[metadata.EnvelopeFormat]string{
		metadata.Classic: `{"signatures":` + list + `,"signed":` + goodTimestamp + `}`,
		metadata.DSSE:    strings.Replace(string(inDSSE(goodTimestamp)), `"signatures":[]`, `"signatures":`+list, 1),
	} {
		data := []byte(file)
		env, err := metadata.Parse[metadata.Timestamp](data, metadata.Options{EnvelopeFormat: format})
		require.NoError(t, err)
		require.Equal(t, format, env.Format())
		clear(data)
		signatures := env.Signatures()
		require.Len(t, signatures, 2)
		got := signatures[0].JSON()
		const bundle = `{"a":{},"b":[1.50,-0,1e9,null,true,"\u0001\u000aé😀\"\\"]}`
		require.Equal(t, `{"bundle":`+bundle+`,"keyid":"a","sig":"MEUC+/=="}`, string(got))
		require.JSONEq(t, list, "["+string(got)+","+string(signatures[1].JSON())+"]")
		clear(got)
		require.Equal(t, `{"bundle`, string(signatures[0].JSON()[:8]), "the caller owns the bytes")
	}
	require.Nil(t, metadata.Signature{KeyID: "a", Hex: "00"}.JSON())
}
