package metadata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// R-4.0.1 (J8, J9): the canonical form of the document as received.
func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`"x": [ 1 ,-2,0 , true,false,null,"" ,{ } ,[ ] ]`, `"x":[1,-2,0,true,false,null,"",{},[]]`},
		{`"x":{"b":1,"a":{"d":1,"c":2}}`, `"x":{"a":{"c":2,"d":1},"b":1}`},
		{`"x":"-----BEGIN\nKEY\t\b\f\r-----"`, "\"x\":\"-----BEGIN\nKEY\t\b\f\r-----\""},
		{`"x":"\u0000\u001f\u007f"`, "\"x\":\"\x00\x1f\x7f\""},
		{`"x":"\/ \" \\ <>&"`, `"x":"/ \" \\ <>&"`},
		{`"x":"\u0022\u005C"`, `"x":"\"\\"`},
		{`"x":"\u2028 \u00e9 \ud83c\udf7a é 🍺"`, "\"x\":\"\u2028 é 🍺 é 🍺\""},
		{`"x":{"\ud83c\udf7a":1,"\uffee":2,"~":3}`, `"x":{"~":3,"` + "\uffee" + `":2,"🍺":1}`}, // bytes, not UTF-16 units
		{`"x":{"a!":1,"a":2,"a b":3}`,
			`"x":{"a":2,"a b":3,"a!":1}`}, // the names, not the quoted names
		{`"x":{"a\"":1,"a!":2,"a#":3,"a\\":4,"a[":5}`, `"x":{"a!":2,"a\"":1,"a#":3,"a[":5,"a\\":4}`},
		{`"x":9007199254740993`, `"x":9007199254740993`},
		{`"x":123456789012345678901234567890`, `"x":123456789012345678901234567890`},
	} {
		t.Run(c.in, func(t *testing.T) {
			require.True(t, strings.HasSuffix(payload(t, timestampWith(","+c.in)), c.want+"}"))
		})
	}
}

// absent members stay absent, and unusual values stay as they are.
func TestCanonicalFormAddsNothing(t *testing.T) {
	const file = `{"signed":{"version":1,"expires":"2030-01-02T00:00:00.000Z",` +
		`"meta":{"snapshot.json":{"length":0,"version":1,"hashes":{}}},` +
		`"spec_version":"1.0.34","_type":"timestamp"},"signatures":[]}`
	const want = `{"_type":"timestamp","expires":"2030-01-02T00:00:00.000Z",` +
		`"meta":{"snapshot.json":{"hashes":{},"length":0,"version":1}},` +
		`"spec_version":"1.0.34","version":1}`
	require.Equal(t, want, payload(t, file))
}

// R-4.1.4 (J1 to J7): text that is not JSON, and JSON that TUF does
// not allow.
func TestSyntaxErrors(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct{ name, in, want string }{
		{"empty", ``, `offset 0: the document ends here, want a value`},
		{"white space", " \n", `the document ends here`},
		{"byte order mark", "\ufeff" + timestampWith(""), `offset 0: found "\xef", want a value`},
		{"NUL", "\x00", `want a value`},
		{"trailing data", timestampWith("") + " x", `data after the end of the document`},
		{"two values", timestampWith("") + timestampWith(""), `data after the end`},
		{"trailing comma", timestampWith(","), `want a name`},
		{"no colon", timestampWith(`,"a" 1`), `want a colon`},
		{"comma in array", timestampWith(`,"a":[1,]`), `signed.a[1] (offset`},
		{"comment", timestampWith(`/**/`), `want a comma`},
		{"float", timestampWith(`,"a":1.0`), `not an integer`},
		{"exponent", timestampWith(`,"a":1e3`), `not an integer`},
		{"big exponent", timestampWith(`,"a":[1E400]`), `signed.a[0] (offset 160): a number that is not an integer`},
		{"minus zero", timestampWith(`,"a":-0`), `not an integer`},
		{"plus", timestampWith(`,"a":+1`), `want a value`},
		{"leading zero", timestampWith(`,"a":01`), `leading zero`},
		{"minus leading zero", timestampWith(`,"a":-01`), `leading zero`},
		{"bare minus", timestampWith(`,"a":-`), `want a digit`},
		{"hexadecimal", timestampWith(`,"a":0x1`), `want a comma`},
		{"NaN", timestampWith(`,"a":NaN`), `want a value`},
		{"True", timestampWith(`,"a":True`), `want a value`},
		{"tru", timestampWith(`,"a":tru`), `want true`},
		{"duplicate", timestampWith(`,"version":2`), `signed.version (offset 155): duplicate name`},
		{"duplicate after unescaping", timestampWith(`,"a":1,"\u0061":1`), `signed.a (offset`},
		{"duplicate out of order", timestampWith(`,"b":1,"a":1,"b":2`), `signed.b (offset`},
		{"duplicate with escapes", timestampWith(`,"a\"":1,"a\u0022":1`), `signed["a\""]`},
		{"duplicate outside signed", `{"signed":{},"signatures":[],"x":{"y":1,"y":1}}`, `x.y (offset`},
		{"duplicate signed", `{"signed":{},"signatures":[],"signed":{}}`, `duplicate name`},
		{"bad UTF-8", timestampWith(",\"a\":\"\xff\""), `invalid UTF-8`},
		{"overlong UTF-8", timestampWith(",\"a\":\"\xc0\x80\""), `invalid UTF-8`},
		{"surrogate in UTF-8", timestampWith(",\"a\":\"\xed\xa0\x80\""), `invalid UTF-8`},
		{"bad UTF-8 in a name", timestampWith(",\"\xff\":1"), `invalid UTF-8`},
		{"lone high surrogate", timestampWith(`,"a":"\ud800"`), `unpaired surrogate`},
		{"high surrogate and text", timestampWith(`,"a":"\ud800x"`), `unpaired surrogate`},
		{"high surrogate twice", timestampWith(`,"a":"\ud800\ud800"`), `unpaired surrogate`},
		{"low surrogate first", timestampWith(`,"a":"\udc00\ud800"`), `unpaired surrogate`},
		{"short escape", timestampWith(`,"a":"\u12"`), `four hexadecimal digits`},
		{"bad escape", timestampWith(`,"a":"\x41"`), `unknown escape`},
		{"raw newline", timestampWith(",\"a\":\"\n\""), `control character`},
		{"unterminated", `{"signed`, `ends inside a string`},
		{"unterminated escape", `{"signed\`, `unknown escape`},
		{"nested 65 deep", timestampWith(`,"a":` + deep(63)), `nested deeper than 64 levels`},
		{"nested 10,000 deep", strings.Repeat("[", 10000), `nested deeper than 64 levels`},
		{"a terminal escape in a name", timestampWith(",\"a\x1b[31m\":1"), `control character`},
		{"a terminal escape in a name, escaped", timestampWith(`,"a\u001b[31m":1.5`), `signed["a\x1b[31m"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := metadata.Parse[metadata.Timestamp]([]byte(c.in), metadata.Options{})
			require.ErrorContains(t, err, c.want)
			require.ErrorIs(t, err, metadata.ErrSyntax)
			var syntax *metadata.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.LessOrEqual(t, syntax.Offset, int64(len(c.in)))
			content, ok := strings.CutPrefix(c.in, `{"signatures":[],"signed":`)
			if ok && strings.HasPrefix(syntax.Path, "signed") { // R-T17.4
				require.NoError(t, sameInBothFormats[metadata.Timestamp](content[:len(content)-1], nil, err))
			}
		})
	}
	require.Equal(t, 155, strings.LastIndex(timestampWith(`,"version":2`), `"version"`), "an offset leads to the place")
	require.Equal(t, 160, strings.Index(timestampWith(`,"a":[1E400]`), `1E400`))
	require.NotEmpty(t, payload(t, timestampWith(`,"a":`+deep(62))), "64 levels are fine")
	require.NotEmpty(t, payload(t, timestampWith("")+" \r\n\t"), "white space may follow")
}

func TestLimitsCanBeSet(t *testing.T) {
	file := []byte(`{"signatures":[{"keyid":"a","sig":""},{"keyid":"b","sig":""}],"signed":{"_type":"root","x":[[]]}}`)
	_, err := metadata.Parse[metadata.Root](file, metadata.Options{MaxDepth: 4, MaxSignatures: 2})
	require.NoError(t, err)
	_, err = metadata.Parse[metadata.Root](file, metadata.Options{MaxDepth: 3})
	require.ErrorContains(t, err, "nested deeper than 3 levels")
	_, err = metadata.Parse[metadata.Root](file, metadata.Options{MaxSignatures: 1})
	require.ErrorContains(t, err, "more than 1 signatures")
}

// K10: by default a file has at most 1,024 signatures.
func TestSignatureLimit(t *testing.T) {
	file := func(n int) []byte {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"keyid":"%d","sig":"00"}`, i))
		}
		return []byte(`{"signatures":[` + strings.Join(list, ",") + `],"signed":{"_type":"root"}}`)
	}
	_, err := metadata.Parse[metadata.Root](file(1024), metadata.Options{})
	require.NoError(t, err)
	_, err = metadata.Parse[metadata.Root](file(1025), metadata.Options{})
	require.ErrorContains(t, err, "more than 1024 signatures")
}

// BenchmarkParse measures documents that are sorted, not sorted, indented or
// full of escapes. The time for each byte should not depend on their length.
func BenchmarkParse(b *testing.B) {
	entry := func(i int) string { return fmt.Sprintf(`"role-%06d.json":{"version":%d}`, i, i+1) }
	var sorted, reversed []string
	for i := range 10000 {
		sorted = append(sorted, entry(i))
		reversed = append(reversed, entry(9999-i))
	}
	for _, c := range []struct{ name, member string }{
		{"sorted", `,"x":{` + strings.Join(sorted, ",") + `}`},
		{"reversed", `,"x":{` + strings.Join(reversed, ",") + `}`},
		{"indented", ",\"x\":{\n  " + strings.Join(sorted, ",\n  ") + `}`},
		{"escapes", `,"x":"` + strings.Repeat(`\\\"\u00e9`, 50000) + `"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			file := []byte(timestampWith(c.member))
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := metadata.Parse[metadata.Timestamp](file, metadata.Options{})
				require.NoError(b, err)
			}
		})
	}
}
