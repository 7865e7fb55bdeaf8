package metadata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// J1: a member whose name differs in case is another member, whether it comes
// before or after: anybody can change the order of members, which is not
// signed.
func TestNamesAreExact(t *testing.T) {
	around := func(file, member, sibling string) []string {
		require.Contains(t, file, member)
		return []string{strings.Replace(file, member, sibling+","+member, 1), strings.Replace(file, member, member+","+sibling, 1)}
	}
	// The long s and the Kelvin sign fold to s and k, and stand behind them in
	// order.
	for _, sibling := range []string{`"VERSION":9`, `"Version":"nine"`, `"ver\u017fion":9`, `"Expires":"2040-01-01T00:00:00Z"`, `"_Type":"root"`, `"META":{}`, `"META":null`} {
		for _, text := range around(goodTimestamp, `"version":7`, sibling) {
			c := mustDecode[metadata.Timestamp](t, text)
			require.EqualValues(t, 7, c.Version)
			require.Equal(t, 2030, c.Expires.Year())
			require.EqualValues(t, 3, c.Snapshot().Version)
		}
	}
	for _, sibling := range []string{`"KEYIDS":["k2"],"Threshold":9`, `"KeyIDs":null`, `"\u212aeyids":[]`, `"thre\u017fhold":9`} {
		for _, text := range around(goodRoot, `"threshold":2`, sibling) {
			s, ok := mustDecode[metadata.Root](t, text).Role("root")
			require.True(t, ok)
			require.EqualValues(t, 2, s.Threshold())
			n := 0
			for range s.KeyIDs() {
				n++
			}
			require.Equal(t, 2, n)
		}
	}
	for _, text := range around(`{"signatures":[],"signed":`+goodTargets+`}`, `"signatures":[]`, `"Signed":{"_type":"targets","version":9},"SIGNATURES":null`) {
		env, err := metadata.Parse[metadata.Targets]([]byte(text), metadata.Options{})
		require.NoError(t, err)
		c, err := env.Unverified()
		require.NoError(t, err)
		require.EqualValues(t, 7, c.Version)
	}
}

// go-tuf#713, go-tuf#739: odd keys have an ID and no use, and nothing panics.
func TestOddKeys(t *testing.T) {
	const good = `{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1}`
	for _, c := range []struct {
		key  string
		want string // of the error of the whole file; empty: the key alone is of no use
	}{
		{`{"keytype":"ed25519","keyval":{"public":""},"scheme":"ed25519"}`, ""},
		{`{"keytype":"ed25519","keyval":{},"scheme":"ed25519"}`, ""},
		{`{"keytype":"","keyval":{},"scheme":""}`, ""},
		{`{"keytype":"rsa","keyval":{"public":"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"},"scheme":"rsassa-pss-sha256"}`, ""},
		{`{"keytype":"ecdsa","keyval":{"public":"04"},"scheme":"ecdsa-sha2-nistp256"}`, ""},
		{fmt.Sprintf(`{"keytype":"ed25519","keyval":{"public":%q},"scheme":"ed25519"}`, strings.Repeat("é", 32)), ""},
		{`{"keytype":"x","keyval":{"public":"","deep":[[{"a":null}]]},"scheme":"y","keyid_hash_algorithms":null}`, ""},
		{`{"keytype":1,"keyval":{},"scheme":"y"}`, "want a string"},
		{`{"keytype":"x","keyval":[],"scheme":"y"}`, "want an object"},
		{`[]`, "want an object"},
	} {
		root, err := decode[metadata.Root](strings.Replace(goodRoot, good, c.key, 1))
		if c.want != "" {
			require.ErrorIs(t, err, metadata.ErrSyntax, c.key)
			require.ErrorContains(t, err, c.want, c.key)
			continue
		}
		require.NoError(t, err, c.key)
		k, ok := root.Key("k1")
		require.True(t, ok)
		require.Len(t, k.ContentID(), 64)
		_, err = k.PublicKey()
		require.ErrorIs(t, err, metadata.ErrKey, c.key)
	}
}
