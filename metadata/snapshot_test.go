package metadata_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// the content of a timestamp.
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

// the content of a snapshot. Names other than those of targets roles
// are listed too.
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
