package metadata_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const goodMap = `{
  "repositories": {
    "Django": ["https://djangoproject.example/"],
    "PyPI": ["https://pypi.example/", "https://mirror.example"]
  },
  "mapping": [
    {"paths": ["*django*", "django/*"], "repositories": ["PyPI", "Django"], "threshold": 2, "terminating": true},
    {"paths": ["*"], "repositories": ["PyPI"], "threshold": 1}
  ],
  "comment": ["anything", 1.5e3, null]
}`

func entries(m *metadata.Map) (list []metadata.MapEntry) {
	for _, e := range m.Entries() {
		list = append(list, e)
	}
	return list
}

// TAP 4 map: the contents of a map.
func TestParseMap(t *testing.T) {
	m, err := metadata.ParseMap([]byte(goodMap))
	require.NoError(t, err)
	var names []string
	for name, urls := range m.Repositories() {
		names = append(names, name)
		require.NotEmpty(t, urls)
		urls[0] = "the caller's"
	}
	require.Equal(t, []string{"Django", "PyPI"}, names)
	want := []metadata.MapEntry{
		{Paths: []string{"*django*", "django/*"}, Repositories: []string{"PyPI", "Django"}, Threshold: 2, Terminating: true},
		{Paths: []string{"*"}, Repositories: []string{"PyPI"}, Threshold: 1},
	}
	require.Equal(t, want, entries(m))
	entries(m)[0].Paths[0], entries(m)[0].Repositories[0] = "changed", "changed"
	require.Equal(t, want, entries(m))
	for _, urls := range m.Repositories() {
		require.NotEqual(t, "the caller's", urls[0])
	}
	for range m.Entries() {
		break
	}
	for range m.Repositories() {
		break
	}
	require.Empty(t, entries(new(metadata.Map)))
}

// CVE-2026-24686, GHSA-jqc5-w2xx-5vq4: a name may be any string, whatever it
// means to a file system. Names are compared byte by byte.
func TestNamesOfRepositories(t *testing.T) {
	for _, name := range []string{
		"../x", "/abs", `a\..\b`, "CON", "", ".", "a b", "A", "\x00", "日本", strings.Repeat("n", 5000),
	} {
		quoted := string(verifytest.Encode(name, ""))
		m, err := metadata.ParseMap([]byte(`{"repositories":{` + quoted + `:["u"],"a":["u"]},` +
			`"mapping":[{"paths":["*"],"repositories":[` + quoted + `],"threshold":1}]}`))
		require.NoError(t, err, name)
		require.Equal(t, []string{name}, entries(m)[0].Repositories)
	}
	_, err := metadata.ParseMap([]byte(`{"repositories":{"A":["u"]},` +
		`"mapping":[{"paths":["*"],"repositories":["a"],"threshold":1}]}`))
	require.ErrorContains(t, err, `"a", number 1 of the list, is not among the repositories`)
}

// TAP 4 map, go-tuf#749, go-tuf#760: maps that are null, and maps that cannot
// be satisfied.
func TestBadMaps(t *testing.T) {
	long := func(n int, one func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = one(i)
		}
		return strings.Join(parts, ",")
	}
	repositories := func(n int) string { return long(n, numbered(`"r%d":["u"]`)) }
	const entry = `{"paths":["*"],"repositories":["r0"],"threshold":1}`
	const first, second = `"threshold": 2`, `"threshold": 1`
	for _, c := range []struct {
		old, new string // a replacement in goodMap; without old, new is the map
		path     string
		want     string
	}{
		{"", ``, "", "the document ends here"},
		{second, `"threshold":"` + "\u202e" + `"`, "mapping[1].threshold", `found "\"\u202e\"", want an integer`},
		{"", `null`, "", "found null, want an object"},
		{"", `[]`, "", "found an array, want an object"},
		{"", `7`, "", "found a number, want an object"},
		{"", `{}`, "", `member "repositories" is missing`},
		{"", goodMap + `{}`, "", "data after the end"},
		{"", `{"mapping":[]}`, "mapping", "there are no entries"},
		{"", `{"repositories":{"a":["u"]}}`, "", `member "mapping" is missing`},
		{"", `{"repositories":null,"mapping":null}`, "repositories", "found null, want an object"},
		{"", `{"repositories":{"a":["u"]},"mapping":null}`, "mapping", "found null, want an array"},
		{"", `{"repositories":{"a":["u"]},"mapping":[null]}`, "mapping[0]", "found null, want an object"},
		{"", `{"repositories":{"a":["u"]},"mapping":{}}`, "mapping", "found an object, want an array"},
		{"", `{"repositories":{"a":null},"mapping":[]}`, "repositories.a", "found null, want an array"},
		{"", `{"repositories":{"a":[1]},"mapping":[]}`, "repositories.a[0]", "found a number, want a string"},
		{"", `{"repositories":{"a":[]},"mapping":[]}`, "repositories.a", "the list is empty"},
		{"", `{"repositories":{},"mapping":[]}`, "repositories", "there are no repositories"},
		{"", `{"repositories":{"a":["u"],"a":["v"]},"mapping":[]}`, "repositories.a", "duplicate name"},
		{"", `{"repositories":{"a":["u"],"\u0061":["v"]},"mapping":[]}`, "repositories.a", "duplicate name"},
		{"", `{"repositories":{` + repositories(257) + `},"mapping":[]}`, "repositories", "more than 256 repositories"},
		{"", `{"repositories":{` + repositories(33) + `},"mapping":[{"paths":["*"],"repositories":[` +
			long(33, numbered(`"r%d"`)) + `],"threshold":1}]}`, "mapping[0].repositories", "more than 32 elements"},
		{"", `{"repositories":{"r0":["u"]},"mapping":[` + long(4097, same(entry)) + `]}`,
			"mapping", "more than 4096 entries"},
		{"", strings.Repeat(" ", 1_000_001), "", "the map is too long"},
		{`["*"]`, `[]`, "mapping[1].paths", "the list is empty"},
		{`["*"]`, `["*",null]`, "mapping[1].paths[1]", "found null, want a string"},
		{`["*"]`, `"*"`, "mapping[1].paths", "found a string, want an array"},
		{`"paths": ["*"], `, ``, "mapping[1]", `member "paths" is missing`},
		{`"repositories": ["PyPI"], `, ``, "mapping[1]", `member "repositories" is missing`},
		{`, ` + second, ``, "mapping[1]", `member "threshold" is missing`},
		{`["PyPI", "Django"]`, `["PyPI", "PyPI"]`, "mapping[0].repositories", `"PyPI" is listed twice`},
		{`["PyPI", "Django"]`, `["PyPI", "django"]`, "mapping[0].repositories",
			`"django", number 2 of the list, is not among the repositories`},
		{`["PyPI", "Django"]`, `[]`, "mapping[0].repositories", "the list is empty"},
		{first, `"threshold": 3`, "mapping[0]", "a threshold of 3 out of 2 repositories"},
		{first, `"threshold": 0`, "mapping[0].threshold", "found 0, want an integer from 1 to 32"},
		{first, `"threshold": -1`, "mapping[0].threshold", "found -1, want"},
		{first, `"threshold": 1.0`, "mapping[0].threshold", "found 1.0, want"},
		{first, `"threshold": 1e0`, "mapping[0].threshold", "found 1e0, want"},
		{first, `"threshold": "2"`, "mapping[0].threshold", `found "2", want`},
		{first, `"threshold": null`, "mapping[0].threshold", "found null, want"},
		{first, `"threshold": 18446744073709551618`, "mapping[0].threshold", "found 18446744073709551618, want"},
		{first, `"Threshold": 2`, "mapping[0].Threshold", "an entry has no such member"},
		{`"terminating": true`, `"terminatng": true`, "mapping[0].terminatng", "an entry has no such member"},
		{`["*"]`, `["*",""]`, "mapping[1].paths", `"", number 2 of the list, matches no file`},
		{`["*"]`, `["/acme/*"]`, "mapping[1].paths", "its path would have an empty segment"},
		{`["*"]`, `["acme/"]`, "mapping[1].paths", "its path would have an empty segment"},
		{`["*"]`, `["acme//*"]`, "mapping[1].paths", "its path would have an empty segment"},
		{`["*"]`, `["./x"]`, "mapping[1].paths", "no segment of a path is . or .."},
		{`["*"]`, `["a/../b"]`, "mapping[1].paths", "no segment of a path is . or .."},
		{`["*"]`, `["acme\\x"]`, "mapping[1].paths", `\ is an ordinary character`},
		{`["*"]`, `["acme/**"]`, "mapping[1].paths", "give a pattern for each depth"},
		{`["*"]`, `["**/x"]`, "mapping[1].paths", "* does not match a slash"},
		{`"terminating": true`, `"terminating": null`, "mapping[0].terminating", "found null, want a boolean"},
		{`"terminating": true`, `"terminating": true, "terminating": false`, "mapping[0].terminating", "duplicate name"},
	} {
		text := c.new
		if c.old != "" {
			require.Contains(t, goodMap, c.old)
			text = strings.Replace(goodMap, c.old, c.new, 1)
		}
		_, err := metadata.ParseMap([]byte(text))
		require.ErrorIs(t, err, metadata.ErrSyntax, c.new)
		var syntax *metadata.SyntaxError
		require.ErrorAs(t, err, &syntax)
		require.Equal(t, c.path, syntax.Path, "%s: %v", c.new, err)
		require.Contains(t, syntax.Reason, c.want, c.new)
	}
}

// FuzzParseMap checks, for every map that is accepted: encoding/json reads the
// same map; the threshold of each entry can be reached; its repositories are
// listed; and the map is the same after it is written again.
func FuzzParseMap(f *testing.F) {
	for _, s := range []string{
		goodMap, `null`, `{"repositories":null,"mapping":null}`,
		`{"repositories":{"a":["u"]},"mapping":[{"paths":["*"],"repositories":["a"],"threshold":1.0}]}`,
		`{"mapping":[{"terminating":true,"threshold":1,"repositories":["\u002e./x"],"paths":["[!a]?\"\\"]}],` +
			`"repositories":{"../x":[""],"CON":["u"],"":["u"]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		m, err := metadata.ParseMap(data)
		require.Equal(t, before, data)
		if err != nil {
			require.ErrorIs(t, err, metadata.ErrSyntax)
			return
		}
		tree, err := verifytest.Decode(data)
		require.NoError(t, err)
		listed := tree.(map[string]any)["repositories"].(map[string]any)
		n := 0
		for name, urls := range m.Repositories() {
			require.Len(t, listed[name], len(urls))
			n++
		}
		require.Len(t, listed, n)
		mapping := tree.(map[string]any)["mapping"].([]any)
		require.Len(t, mapping, len(entries(m)))
		for i, e := range entries(m) {
			require.Len(t, mapping[i].(map[string]any)["paths"], len(e.Paths))
			require.Greater(t, e.Threshold, 0)
			require.LessOrEqual(t, e.Threshold, len(e.Repositories))
			for _, name := range e.Repositories {
				require.Contains(t, listed, name)
			}
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(e.Repositories))), len(e.Repositories))
		}
		for _, indent := range []string{"", "  "} {
			again, err := metadata.ParseMap(verifytest.Encode(tree, indent))
			require.NoError(t, err)
			require.Equal(t, m, again)
		}
	})
}
