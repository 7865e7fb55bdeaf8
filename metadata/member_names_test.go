package metadata_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// J1: a member whose name differs in case is another member. Its position does
// not matter: the order of members is not signed, so anyone can change it.
func TestNamesAreExact(t *testing.T) {
	around := func(file, member, sibling string) []string {
		require.Contains(t, file, member)
		return []string{
			strings.Replace(file, member, sibling+","+member, 1),
			strings.Replace(file, member, member+","+sibling, 1),
		}
	}
	// The long s and the Kelvin sign fold to s and k, and sort after them.
	for _, sibling := range []string{
		`"VERSION":9`, `"Version":"nine"`, `"ver\u017fion":9`,
		`"Expires":"2040-01-01T00:00:00Z"`, `"_Type":"root"`, `"META":{}`, `"META":null`,
	} {
		for _, text := range around(goodTimestamp, `"version":7`, sibling) {
			c := mustDecode[metadata.Timestamp](t, text)
			require.EqualValues(t, 7, c.Version)
			require.Equal(t, 2030, c.Expires.Year())
			require.EqualValues(t, 3, c.Snapshot().Version)
		}
	}
	for _, sibling := range []string{
		`"KEYIDS":["k2"],"Threshold":9`, `"KeyIDs":null`, `"\u212aeyids":[]`, `"thre\u017fhold":9`,
	} {
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
	for _, text := range around(`{"signatures":[],"signed":`+goodTargets+`}`, `"signatures":[]`,
		`"Signed":{"_type":"targets","version":9},"SIGNATURES":null`) {
		env, err := metadata.Parse[metadata.Targets]([]byte(text), metadata.Options{})
		require.NoError(t, err)
		c, err := env.Unverified()
		require.NoError(t, err)
		require.EqualValues(t, 7, c.Version)
	}
}
