package metadata_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// R-T15.1, R-T15.3:
// delegations.
func TestDelegations(t *testing.T) {
	d := mustDecode[metadata.Targets](t, goodTargets).Delegations()
	require.Equal(t, 2, d.Len())
	require.Nil(t, d.SuccinctRoles())
	a, b := d.At(0), d.At(1)
	require.True(t, a.Terminating)
	require.False(t, b.Terminating)
	require.Equal(t, []string{"a/*", "b"}, slices.Collect(a.Paths()))
	require.Equal(t, []string{"00", "0a1"}, slices.Collect(b.PathHashPrefixes()))
	require.EqualValues(t, 2, b.Threshold())
	require.Equal(t, []int{1}, matching(d, "0a1"+zeros[:61]))
	require.Empty(t, matching(d, "0a2"+zeros[:61]))
	_, ok := d.Key("k1")
	require.True(t, ok)
	const roleB = `{"keyids":["k1"],"name":"b","path_hash_prefixes":["00","0a1"],"threshold":2}`
	mustNotDecode[metadata.Targets](t, goodTargets, []replaced{
		{`"name":"b"`, `"name":"a"`, `role "a" is listed twice`},
		{`"name":"b"`, `"name":""`, `cannot have the name ""`},
		{`"name":"b"`, `"name":"root"`, `cannot have the name "root"`},
		{`"name":"b"`, `"name":"timestamp"`, `cannot have the name`},
		{`"name":"b"`, `"name":"snapshot"`, `signed.delegations.roles[1].name`},
		{`"name":"b"`, `"name":"targets"`, `cannot have the name`},
		{`"name":"b"`, `"name":"mirrors"`, `cannot have the name`},
		{`"name":"b",`, ``, `member "name" is missing`},
		{`["00","0a1"]`, `["0A"]`, `want 0 to 64 lower-case hexadecimal digits`},
		{`["00","0a1"]`, `["` + zeros + `0"]`, `want 0 to 64`},
		{`["00","0a1"]`, `["0x"]`, `want 0 to 64`},
		{`["00","0a1"]`, `null`, `want an array`},
		{`["00","0a1"]`, `[1]`, `want a string`},
		{`["00","0a1"]`, `["00"],"paths":[]`, `at most one of paths and path_hash_prefixes`},
		{`["a/*","b"]`, `null`, `want an array`},
		{`"terminating":true`, `"terminating":1`, `want a boolean`},
		{`"terminating":true`, `"terminating":null`, `want a boolean`},
		{`"threshold":2`, `"threshold":0`, `want an integer from 1`},
		{`,"threshold":2`, ``, `member "threshold" is missing`},
		{roleB, `null`, `signed.delegations.roles[1]`},
		{`"keys":{`, `"Keys":{`, `member "keys" is missing`},
		{`"roles":[`, `"Roles":[`, `want either roles or succinct_roles`},
		{
			`"roles":[`,
			`"succinct_roles":{"bit_length":1,"keyids":[],"name_prefix":"","threshold":1},"roles":[`,
			`want either roles or succinct_roles`,
		},
		{`"delegations":{`, `"delegations":null,"x":{`, `found null, want an object`},
	})
	neither := strings.Replace(goodTargets, roleB, `{"keyids":[],"name":"b","threshold":1}`, 1)
	require.Equal(t, 2, mustDecode[metadata.Targets](t, neither).Delegations().Len())

	s := mustDecode[metadata.Targets](t, succinctTargets).Delegations().SuccinctRoles()
	require.Equal(t, 14, s.BitLength)
	require.Equal(t, "bin", s.NamePrefix)
	mustNotDecode[metadata.Targets](t, succinctTargets, []replaced{
		{`"bit_length":14`, `"bit_length":0`, `want an integer from 1`},
		{`"bit_length":14`, `"bit_length":33`, `found 33, want a bit length from 1 to 32`},
		{`"bit_length":14`, `"bit_length":null`, `want an integer`},
		{`"bit_length":14,`, ``, `member "bit_length" is missing`},
		{`,"name_prefix":"bin"`, ``, `member "name_prefix" is missing`},
		{`"threshold":1`, `"threshold":0`, `want an integer from 1`},
		{`"keyids":["k1"],`, ``, `member "keyids" is missing`},
		{`{"bit_length":14,"keyids":["k1"],"name_prefix":"bin","threshold":1}`, `null`, `found null`},
	})
}

// Matching calls match for patterns with a beginning that the path has, in
// listed order, until one of the role matches. An error is the last that it
// yields.
func TestMatching(t *testing.T) {
	const role = `{"keyids":[],"name":%q,"paths":[%s],"threshold":1}`
	d := mustDecode[metadata.Targets](t, `{"_type":"targets","delegations":{"keys":{},"roles":[`+strings.Join([]string{
		fmt.Sprintf(role, "z", `"dir/*","other","*/x","dir/x","d"`),
		fmt.Sprintf(role, "y", `"b*"`),
		fmt.Sprintf(role, "x", `"dir/\"*","d[a-z]r/*","dir/","dir/xx"`),
		`{"keyids":[],"name":"w","path_hash_prefixes":["00"],"threshold":1}`,
		fmt.Sprintf(role, "v", `"","?*"`),
	}, ",")+`]},"expires":"2030-01-02T00:00:00Z","spec_version":"1.0","targets":{},"version":1}`).Delegations()
	stop := errors.New("stop")
	for _, c := range []struct {
		path, matches, stops string
		compared             []string
		yielded              string
	}{
		{"dir/x", "", "", []string{"dir/*", "*/x", "dir/x", "d", `dir/"*`, "d[a-z]r/*", "dir/", "", "?*"}, "3"},
		{"dir/x", "*/x", "", []string{"dir/*", "*/x", `dir/"*`, "d[a-z]r/*", "dir/", "", "?*"}, "0 3"},
		{"dir/x", "", "dir/", []string{"dir/*", "*/x", "dir/x", "d", `dir/"*`, "d[a-z]r/*", "dir/"}, "2: stop"},
		{"b", "b*", "", []string{"*/x", "b*", "", "?*"}, "1 3"},
		{"", "", "", []string{"*/x", "", "?*"}, "3"},
	} {
		var compared, yielded []string
		match := func(pattern string) (bool, error) {
			if compared = append(compared, pattern); pattern == c.stops && c.stops != "" {
				return false, stop
			}
			return pattern == c.matches && c.matches != "", nil
		}
		for i, err := range d.Matching(c.path, zeros, match) {
			if yielded = append(yielded, fmt.Sprint(i)); err != nil {
				require.ErrorIs(t, err, stop)
				yielded[len(yielded)-1] += ": stop"
			}
		}
		require.Equal(t, c.compared, compared, c.path)
		require.Equal(t, c.yielded, strings.Join(yielded, " "), c.path)
	}
}

// R-T15.2, R-T15.4 (G14, GHSA-77hh-43cm-v8j6): the names of succinct bins.
func TestSuccinctNames(t *testing.T) {
	for _, c := range []struct {
		bits        int
		first, last string
	}{
		{1, "p-0", "p-1"},
		{4, "p-0", "p-f"},
		{5, "p-00", "p-1f"},
		{8, "p-00", "p-ff"},
		{14, "p-0000", "p-3fff"},
		{16, "p-0000", "p-ffff"},
		{32, "p-00000000", "p-ffffffff"},
	} {
		s := metadata.SuccinctRoles{BitLength: c.bits, NamePrefix: "p"}
		require.Equal(t, c.first, s.Bin(0))
		require.Equal(t, c.last, s.Bin(uint32(1<<c.bits-1)))
		require.True(t, s.Has(c.first))
		require.True(t, s.Has(c.last))
	}
	s := metadata.SuccinctRoles{BitLength: 5, NamePrefix: "bin"}
	for _, name := range []string{
		"", "bin", "bin-", "bin-0", "bin-000", "bin-20", "bin-0A", "bin-+1",
		"bin--0", "bin-0x", "bin-1g", "Bin-00", "other", "bin-0_", "xbin-00", "bin-00 ",
	} {
		require.False(t, s.Has(name), name)
	}
}
