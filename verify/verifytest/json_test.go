package verifytest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// randomDocument returns a tree that both encoders can write.
func randomDocument(rnd *rand.Rand, depth int) any {
	text := func() string {
		alphabet := []rune("ab/<>&\"\\\n\r\t\x00\x1f\x7f é\u2028\ufffd\U0001f37a")
		s := make([]rune, rnd.IntN(8))
		for i := range s {
			s[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(s)
	}
	kind := rnd.IntN(8)
	if depth == 0 {
		kind = rnd.IntN(6)
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rnd.IntN(2) == 0
	case 2:
		return int64(rnd.Uint64())
	case 3:
		return json.Number(fmt.Sprint(rnd.Int32()))
	case 4, 5:
		return text()
	case 6:
		list := make([]any, rnd.IntN(5))
		for i := range list {
			list[i] = randomDocument(rnd, depth-1)
		}
		return list
	}
	m := map[string]any{}
	for range rnd.IntN(5) {
		m[text()] = randomDocument(rnd, depth-1)
	}
	return m
}

func TestCanonicalAgreesWithCJSON(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		doc := randomDocument(rnd, 4)
		want, err := cjson.EncodeCanonical(doc)
		require.NoError(t, err)
		got, err := verifytest.Canonical(doc)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

func TestCanonicalNumbers(t *testing.T) {
	for _, n := range []string{"0", "-1", "9007199254740993", "9223372036854775808", "123456789012345678901234567890"} {
		got, err := verifytest.Canonical([]any{json.Number(n)})
		require.NoError(t, err)
		require.Equal(t, "["+n+"]", string(got))
	}
	for _, n := range []string{"1.0", "1e3", "-0", "1E400", "", "-", "01", "+1", "NaN"} {
		_, err := verifytest.Canonical(map[string]any{"a": json.Number(n)})
		require.Error(t, err, n)
	}
	_, err := verifytest.Canonical(1.5)
	require.Error(t, err)
}

func TestEncodeRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		for _, indent := range []string{"", " ", "\t"} {
			doc := randomDocument(rnd, 4)
			text := verifytest.Encode(doc, indent)
			require.True(t, json.Valid(text), "%s", text)
			back, err := verifytest.Decode(text)
			require.NoError(t, err)
			require.Equal(t, string(text), string(verifytest.Encode(back, indent)))
		}
	}
}

func TestEncodeForm(t *testing.T) {
	doc := map[string]any{
		"b": []any{}, "a": map[string]any{}, "c": []any{int64(1), json.Number("1.50")}, "d": "</\x01\n\u2028\x7f",
	}
	require.Equal(t, `{"a":{},"b":[],"c":[1,1.50],"d":"</\u0001\n`+"\u2028\x7f"+`"}`, string(verifytest.Encode(doc, "")))
	require.Equal(t, strings.Join([]string{
		`{`, ` "a": {},`, ` "b": [],`, ` "c": [`, `  1,`, `  1.50`, ` ],`, ` "d": "</\u0001\n` + "\u2028\x7f" + `"`, `}`,
	}, "\n"), string(verifytest.Encode(doc, " ")))
	require.PanicsWithError(t, "verifytest: a document cannot hold a []string", func() {
		verifytest.Encode([]string{"a"}, "")
	})
}

func TestDecodeRefusesTrailingData(t *testing.T) {
	_, err := verifytest.Decode([]byte(`{} {}`))
	require.Error(t, err)
	_, err = verifytest.Decode([]byte("{}\n"))
	require.NoError(t, err)
}
