package metadata_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// Good contents; a test puts other text in the place of a part of one.
const (
	goodRoot = `{"_type":"root","consistent_snapshot":true,"expires":"2030-01-02T00:00:00Z",` +
		`"keys":{"k1":{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1},"k2":{"keytype":"future","keyval":{"identity":"i"},"scheme":"s"}},` +
		`"roles":{"root":{"keyids":["k1","k2"],"threshold":2},"snapshot":{"keyids":["k1"],"threshold":1},"targets":{"keyids":["k1"],"threshold":1},"timestamp":{"keyids":["k1"],"threshold":1}},` +
		`"spec_version":"1.0.34","version":7}`
	goodTimestamp = `{"_type":"timestamp","expires":"2030-01-02T00:00:00Z","meta":{"snapshot.json":{"hashes":{"sha256":"AB"},"length":10,"version":3}},"spec_version":"1.0","version":7}`
	goodSnapshot  = `{"_type":"snapshot","expires":"2030-01-02T00:00:00Z","meta":{"a b.json":{"version":2},"root.json":{"version":1},"targets.json":{"version":3}},"spec_version":"1.0.34","version":7}`
	goodTargets   = `{"_type":"targets","delegations":{"keys":{"k1":{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519"}},"roles":[` +
		`{"keyids":["k1"],"name":"a","paths":["a/*","b"],"terminating":true,"threshold":1},` +
		`{"keyids":["k1"],"name":"b","path_hash_prefixes":["00","0a1"],"threshold":2}]},` +
		`"expires":"2030-01-02T00:00:00Z","spec_version":"1.0.34","targets":{"a/1":{"custom":{"n":[1,"\n"]},"hashes":{"sha256":"aa","sha512":"bb","x":"cc"},"length":0},"b\"":{"hashes":{"md5":"d"},"length":5}},"version":7}`
	succinctTargets = `{"_type":"targets","delegations":{"keys":{},"succinct_roles":{"bit_length":14,"keyids":["k1"],"name_prefix":"bin","threshold":1}},` +
		`"expires":"2030-01-02T00:00:00Z","spec_version":"1.0.34","targets":{},"version":7}`
)

// decode reads a content. Every content is tried in both forms of envelope.
func decode[T metadata.Content](signed string) (*T, error) {
	var content *T
	env, err := metadata.Parse[T]([]byte(`{"signatures":[],"signed":`+signed+`}`), metadata.Options{})
	if err == nil {
		content, err = env.Unverified()
	}
	if differ := sameInBothForms(signed, content, err); differ != nil {
		return nil, differ
	}
	return content, err
}

func mustDecode[T metadata.Content](t *testing.T, signed string) *T {
	t.Helper()
	c, err := decode[T](signed)
	require.NoError(t, err)
	return c
}

// replaced is a good content with something in it replaced.
type replaced struct{ old, new, want string }

func mustNotDecode[T metadata.Content](t *testing.T, good string, cases []replaced) {
	t.Helper()
	for _, c := range cases {
		require.Equal(t, 1, strings.Count(good, c.old), "%s must be in the document once", c.old)
		_, err := decode[T](strings.Replace(good, c.old, c.new, 1))
		require.ErrorIs(t, err, metadata.ErrSyntax, "%s -> %s", c.old, c.new)
		require.ErrorContains(t, err, c.want, "%s -> %s", c.old, c.new)
	}
}

// R-4.3.3 (G15, J4, J10): the members of every role.
func TestHeader(t *testing.T) {
	mustNotDecode[metadata.Timestamp](t, goodTimestamp, []replaced{
		{`"spec_version":"1.0",`, ``, `member "spec_version" is missing`},
		{`"spec_version"`, `"Spec_version"`, `member "spec_version" is missing`},
		{`"1.0"`, `"1"`, `signed.spec_version`},
		{`"1.0"`, `"2.0.0"`, `found "2.0.0", want 1.x`},
		{`"1.0"`, `"v1.0.0"`, `want 1.x`},
		{`"1.0"`, `"banana"`, `want 1.x`},
		{`"1.0"`, `""`, `want 1.x`},
		{`"1.0"`, `"1.0.0.0"`, `want 1.x`},
		{`"1.0"`, `"1."`, `want 1.x`},
		{`"1.0"`, `"1.-1"`, `want 1.x`},
		{`"1.0"`, `"10.0"`, `want 1.x`},
		{`"1.0"`, `1`, `found a number, want a string`},
		{`,"version":7`, ``, `member "version" is missing`},
		{`,"version":7`, `,"Version":7`, `member "version" is missing`},
		{`"version":7`, `"version":0`, `found 0, want an integer from 1 to 9223372036854775807`},
		{`"version":7`, `"version":-1`, `found -1`},
		{`"version":7`, `"version":"2"`, `found a string, want an integer`},
		{`"version":7`, `"version":1.0`, `not an integer`},
		{`"version":7`, `"version":1e3`, `not an integer`},
		{`"version":7`, `"version":9223372036854775808`, `found 9223372036854775808`},
		{`"version":7`, `"version":1` + strings.Repeat("0", 400), `found 10000000000000000000000000000000...`},
		{`"expires":"2030-01-02T00:00:00Z",`, ``, `member "expires" is missing`},
		{`"2030-01-02T00:00:00Z"`, `""`, `found "", want a time`},
		{`"2030-01-02T00:00:00Z"`, `null`, `found null, want a string`},
		{`"2030-01-02T00:00:00Z"`, `"garbage"`, `found "garbage", want a time like`},
		{`"2030-01-02T00:00:00Z"`, `"2026-02-30T00:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T24:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:60Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T0:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00,5Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00.Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02 00:00:00Z"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00+0100"`, `want a time`},
		{`"2030-01-02T00:00:00Z"`, `"2030-01-02T00:00:00Z "`, `want a time`},
	})
	for _, v := range []string{"1.0", "1.0.0", "1.0.34", "1.7.2"} {
		require.Equal(t, v, mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, "1.0", v, 1)).SpecVersion)
	}
	for text, want := range map[string]time.Time{
		"2030-01-02T00:00:00Z":            time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC),
		"2021-12-18T13:28:12.99008-06:00": time.Date(2021, 12, 18, 19, 28, 12, 990080000, time.UTC), // Sigstore's root v1
		"2100-01-01T00:00:00.000000000Z":  time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		"2030-01-02T00:00:00+03:00":       time.Date(2030, 1, 1, 21, 0, 0, 0, time.UTC),
	} {
		c := mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, "2030-01-02T00:00:00Z", text, 1))
		require.True(t, want.Equal(c.Expires), text)
		require.Equal(t, text, c.ExpiresText())
	}
	big := mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, `"version":7`, `"version":9223372036854775807`, 1))
	require.EqualValues(t, 1<<63-1, big.Version)
}

func TestMember(t *testing.T) {
	c := mustDecode[metadata.Targets](t, strings.Replace(goodTargets, `"version":7`, `"version":7,"x-note":{"b":"\t","a":1}`, 1))
	raw, ok := c.Member("x-note")
	require.True(t, ok)
	require.JSONEq(t, `{"a":1,"b":"\t"}`, string(raw))
	_, ok = c.Member("nothing")
	require.False(t, ok)
	_, ok = new(metadata.Header).Member("version")
	require.False(t, ok)
}

// .K2, K2: the root's contents.: a role
// for mirrors.json is tolerated, and of no account.
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
	_ = mustDecode[metadata.Root](t, strings.Replace(goodRoot, `"roles":{`, `"roles":{"mirrors":{"keyids":["k1"],"threshold":1},`, 1))
	unsatisfiable := mustDecode[metadata.Root](t, strings.Replace(goodRoot, `"threshold":2`, `"threshold":1000`, 1))
	s, _ = unsatisfiable.Role("root")
	require.EqualValues(t, 1000, s.Threshold())

	const k1 = `"k1":{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1}`
	mustNotDecode[metadata.Root](t, goodRoot, []replaced{
		{`"consistent_snapshot":true`, `"consistent_snapshot":"true"`, `signed.consistent_snapshot (offset 38): found a string, want a boolean`},
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

// the timestamp's contents.
func TestTimestamp(t *testing.T) {
	c := mustDecode[metadata.Timestamp](t, goodTimestamp)
	require.EqualValues(t, 3, c.Snapshot().Version)
	require.EqualValues(t, 10, c.Snapshot().Length)
	require.Equal(t, map[string]string{"sha256": "AB"}, maps.Collect(c.Snapshot().Hashes.All()))
	c = mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, `"hashes":{"sha256":"AB"},"length":10,`, ``, 1))
	require.EqualValues(t, -1, c.Snapshot().Length)
	require.False(t, c.Snapshot().Hashes.Listed())
	mustNotDecode[metadata.Timestamp](t, goodTimestamp, []replaced{
		{`"meta"`, `"Meta"`, `member "meta: snapshot.json" is missing`},
		{`"snapshot.json"`, `"targets.json"`, `a timestamp lists snapshot.json only`},
		{`"meta":{`, `"meta":{"root.json":{"version":1},`, `a timestamp lists snapshot.json only`},
		{`{"snapshot.json":{"hashes":{"sha256":"AB"},"length":10,"version":3}}`, `{}`, `is missing`},
		{`{"hashes":{"sha256":"AB"},"length":10,"version":3}`, `null`, `signed.meta["snapshot.json"]`},
		{`{"sha256":"AB"}`, `null`, `want an object`},
		{`"AB"`, `1`, `want a string`},
		{`"length":10`, `"length":-1`, `found -1, want an integer from 0`},
		{`"length":10`, `"length":null`, `want an integer`},
		{`,"version":3`, ``, `member "version" is missing`},
		{`"version":3`, `"version":0`, `want an integer from 1`},
	})
}

// the snapshot's contents. Other names than those of targets roles are
// kept too.
func TestSnapshot(t *testing.T) {
	c := mustDecode[metadata.Snapshot](t, goodSnapshot)
	info, ok := c.File("a b")
	require.True(t, ok)
	require.EqualValues(t, 2, info.Version)
	_, ok = c.File("a")
	require.False(t, ok)
	_, ok = c.File("zzz")
	require.False(t, ok)
	var names []string
	for name := range c.Files() {
		names = append(names, name)
	}
	require.Equal(t, []string{"a b.json", "root.json", "targets.json"}, names)
	_, ok = new(metadata.Snapshot).File("targets")
	require.False(t, ok)
	mustNotDecode[metadata.Snapshot](t, goodSnapshot, []replaced{
		{`"targets.json"`, `"target.json"`, `member "meta: targets.json" is missing`},
		{`{"version":2}`, `null`, `signed.meta["a b.json"]`},
		{`{"version":2}`, `{}`, `member "version" is missing`},
		{`"meta":{`, `"mete":{`, `missing`},
		{`{"a b.json":{"version":2},"root.json":{"version":1},"targets.json":{"version":3}}`, `[]`, `want an object`},
	})
}

// the targets' contents.
func TestTargets(t *testing.T) {
	c := mustDecode[metadata.Targets](t, goodTargets)
	info, ok := c.File("a/1")
	require.True(t, ok)
	require.Zero(t, info.Length)
	var order []string
	for name, digest := range info.Hashes.All() {
		order = append(order, name+" "+digest)
	}
	require.Equal(t, []string{"sha512 bb", "sha256 aa", "x cc"}, order, "the strongest first")
	custom, ok := info.Custom()
	require.True(t, ok)
	require.JSONEq(t, `{"n":[1,"\n"]}`, string(custom))
	info, ok = c.File(`b"`)
	require.True(t, ok)
	require.EqualValues(t, 5, info.Length)
	_, ok = info.Custom()
	require.False(t, ok)
	for _, path := range []string{"", "a", "a/1/", "A/1", `b\"`} {
		_, ok = c.File(path)
		require.False(t, ok, path)
	}
	var paths []string
	for path := range c.Files() {
		paths = append(paths, path)
	}
	require.Equal(t, []string{"a/1", `b"`}, paths)
	require.Nil(t, mustDecode[metadata.Targets](t, `{"_type":"targets","expires":"2030-01-02T00:00:00Z","spec_version":"1.0.34","targets":{},"version":7}`).Delegations())
	mustNotDecode[metadata.Targets](t, goodTargets, []replaced{
		{`"targets":{"a/1"`, `"Targets":{"a/1"`, `member "targets" is missing`},
		{`{"hashes":{"md5":"d"},"length":5}`, `null`, `signed.targets["b\""]`},
		{`{"md5":"d"}`, `{}`, `a target needs a hash`},
		{`{"md5":"d"}`, `null`, `want an object`},
		{`{"md5":"d"}`, `{"md5":null}`, `signed.targets["b\""].hashes.md5`},
		{`"hashes":{"md5":"d"},`, ``, `member "hashes" is missing`},
		{`,"length":5`, ``, `member "length" is missing`},
		{`"length":5`, `"length":-5`, `found -5`},
		{`{"n":[1,"\n"]}`, `null`, `found null, want an object`},
		{`{"n":[1,"\n"]}`, `[]`, `found an array, want an object`},
	})
}

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
	none := func(string) bool { return false }
	require.Equal(t, []int{0}, slices.Collect(d.Matching("0a2"+zeros[:61], func(string) bool { return true })))
	require.Equal(t, []int{1}, slices.Collect(d.Matching("0a1"+zeros[:61], none)))
	require.Empty(t, slices.Collect(d.Matching("0a2"+zeros[:61], none)))
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
		{`"roles":[`, `"succinct_roles":{"bit_length":1,"keyids":[],"name_prefix":"","threshold":1},"roles":[`, `want either roles or succinct_roles`},
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

// R-T15.2, R-T15.4 (G14, GHSA-77hh-43cm-v8j6): the names of succinct bins.
func TestSuccinctNames(t *testing.T) {
	for _, c := range []struct {
		bits        int
		first, last string
	}{
		{1, "p-0", "p-1"}, {4, "p-0", "p-f"}, {5, "p-00", "p-1f"}, {8, "p-00", "p-ff"}, {14, "p-0000", "p-3fff"}, {16, "p-0000", "p-ffff"}, {32, "p-00000000", "p-ffffffff"},
	} {
		s := metadata.SuccinctRoles{BitLength: c.bits, NamePrefix: "p"}
		require.Equal(t, c.first, s.Bin(0))
		require.Equal(t, c.last, s.Bin(uint32(1<<c.bits-1)))
		require.True(t, s.Has(c.first))
		require.True(t, s.Has(c.last))
	}
	s := metadata.SuccinctRoles{BitLength: 5, NamePrefix: "bin"}
	for _, name := range []string{"", "bin", "bin-", "bin-0", "bin-000", "bin-20", "bin-0A", "bin-+1", "bin--0", "bin-0x", "bin-1g", "Bin-00", "other", "bin-0_", "xbin-00", "bin-00 "} {
		require.False(t, s.Has(name), name)
	}
}

// R-5.6.7h, F5: names on the wire.
func TestFileName(t *testing.T) {
	for _, c := range []struct {
		role    string
		version int64
		want    string
	}{
		{"timestamp", 0, "timestamp.json"}, {"root", 7, "7.root.json"}, {"a/b", 1, "1.a%2Fb.json"}, {"?", 1, "1.%3F.json"}, {"#", 0, "%23.json"},
		{"../x", 2, "2...%2Fx.json"}, {"~a-B_0.", 1, "1.~a-B_0..json"}, {"$&+,:;=@!'()*", 0, "%24%26%2B%2C%3A%3B%3D%40%21%27%28%29%2A.json"},
		{"🍺", 30, "30.%F0%9F%8D%BA.json"}, {"%2f", 1, "1.%252f.json"}, {" \x00", 1, "1.%20%00.json"},
	} {
		require.Equal(t, c.want, metadata.FileName(c.role, c.version))
	}
}

// Names go to terminals as they are only if that is harmless.
func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{
		"a b/é🍺": "a b/é🍺", "": "", "a\x1b[2J": `"a\x1b[2J"`, "a\x9b31m": `"a\x9b31m"`, "a\nb": `"a\nb"`, "\u202e": `"\u202e"`, "\u200b": `"\u200b"`,
		strings.Repeat("a", 300): `"` + strings.Repeat("a", 256) + `"...`,
	} {
		require.Equal(t, want, metadata.Printable(name))
	}
}

// K10: the keys of a role are bounded.
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
