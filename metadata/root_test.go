package metadata_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// .K2, K2: the content of a root.: a
// role for mirrors.json is accepted and ignored.
func TestRoot(t *testing.T) {
	root := mustDecode[metadata.Root](t, goodRoot)
	require.True(t, root.ConsistentSnapshot)
	require.EqualValues(t, 7, root.Version)
	s, ok := root.Role("root")
	require.True(t, ok)
	require.EqualValues(t, 2, s.Threshold())
	require.Equal(t, []string{"k1", "k2"}, slices.Collect(s.KeyIDs()))
	_, ok = root.Role("mirrors")
	require.False(t, ok)
	k, ok := root.Key("k2")
	require.True(t, ok)
	require.Equal(t, "future", k.Type)
	require.JSONEq(t, `{"keytype":"future","keyval":{"identity":"i"},"scheme":"s"}`, string(k.JSON()))
	_, ok = root.Key("k3")
	require.False(t, ok)

	absent := mustDecode[metadata.Root](t, strings.Replace(goodRoot, `"consistent_snapshot":true,`, ``, 1))
	require.False(t, absent.ConsistentSnapshot)
	_ = mustDecode[metadata.Root](t, strings.Replace(goodRoot, `"roles":{`,
		`"roles":{"mirrors":{"keyids":["k1"],"threshold":1},`, 1))
	unsatisfiable := mustDecode[metadata.Root](t, strings.Replace(goodRoot, `"threshold":2`, `"threshold":1000`, 1))
	s, _ = unsatisfiable.Role("root")
	require.EqualValues(t, 1000, s.Threshold())

	const k1 = `"k1":{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1}`
	mustNotDecode[metadata.Root](t, goodRoot, []replaced{
		{`"consistent_snapshot":true`, `"consistent_snapshot":"true"`,
			`signed.consistent_snapshot (offset 38): found a string, want a boolean`},
		{`"consistent_snapshot":true`, `"consistent_snapshot":null`, `want a boolean`},
		{`"threshold":2`, `"threshold":0`, `signed.roles.root.threshold`},
		{`"threshold":2`, `"threshold":-1`, `found -1`},
		{`"threshold":2`, `"threshold":1.5`, `not an integer`},
		{`"threshold":2`, `"threshold":1.0`, `not an integer`},
		{`"threshold":2`, `"threshold":"1"`, `want an integer`},
		{`"threshold":2`, `"threshold":null`, `want an integer`},
		{`"threshold":2`, `"threshold":9223372036854775808`, `want an integer`},
		{`,"threshold":2`, ``, `signed.roles.root (offset`},
		{`"keyids":["k1","k2"],`, ``, `member "keyids" is missing`},
		{`["k1","k2"]`, `null`, `want an array`},
		{`["k1","k2"]`, `["k1",null]`, `signed.roles.root.keyids[1]`},
		{`["k1","k2"]`, `["k1","k2","k1"]`, `key ID "k1" is listed twice`},
		{`"root":{"keyids":["k1","k2"],"threshold":2},`, ``, `member "roles: root" is missing`},
		{`"snapshot":{"keyids":["k1"],"threshold":1},`, ``, `"roles: snapshot"`},
		{`"targets":{"keyids":["k1"],"threshold":1},`, ``, `"roles: targets"`},
		{`,"timestamp":{"keyids":["k1"],"threshold":1}`, ``, `"roles: timestamp"`},
		{`"root":{"keyids":["k1","k2"],"threshold":2}`, `"root":null`, `signed.roles.root (offset`},
		{`"keys":{`, `"Keys":{`, `member "keys" is missing`},
		{k1, `"k1":null`, `signed.keys.k1 (offset`},
		{k1, k1 + "," + k1, `duplicate name`},
		{`"keytype":"ed25519",`, ``, `member "keytype" is missing`},
		{`"keytype":"ed25519"`, `"keytype":null`, `signed.keys.k1.keytype`},
		{`"scheme":"ed25519",`, ``, `member "scheme" is missing`},
		{`"keyval":{"public":"aa"},`, ``, `member "keyval" is missing`},
		{`{"public":"aa"}`, `null`, `want an object`},
	})
}

// K10: the number of a role's keys is limited.
func TestKeyIDLimit(t *testing.T) {
	list := func(n int) string {
		var ids []string
		for i := range n {
			ids = append(ids, strconv.Quote(strconv.Itoa(i)))
		}
		return "[" + strings.Join(ids, ",") + "]"
	}
	_, err := decode[metadata.Root](strings.Replace(goodRoot, `["k1","k2"]`, list(1024), 1))
	require.NoError(t, err)
	_, err = decode[metadata.Root](strings.Replace(goodRoot, `["k1","k2"]`, list(1025), 1))
	require.ErrorContains(t, err, "more than 1024 key IDs")
}
