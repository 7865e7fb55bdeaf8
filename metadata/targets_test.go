package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// the content of a targets file.
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
	none := mustDecode[metadata.Targets](t, `{"_type":"targets","expires":"2030-01-02T00:00:00Z",`+
		`"spec_version":"1.0.34","targets":{},"version":7}`)
	require.Nil(t, none.Delegations())
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
