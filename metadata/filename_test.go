package metadata_test

import (
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// FuzzFileName checks that a file name is one segment of a path and nothing
// else, that a server can decode the name of the role, and that two roles have
// different file names (R-5.6.7h, D9, G16).
func FuzzFileName(f *testing.F) {
	for _, role := range []string{
		"targets", "a/b", "../../etc/passwd", "..", ".", "", "a%2Fb", "a b",
		"é🍺", "\xff\x00", `a\b`, "CON", "a?b#c", "A", "1.root",
	} {
		f.Add(role, "targets", int64(1))
		f.Add(role, "A%", int64(0))
	}
	safe := regexp.MustCompile(`^[0-9A-Za-z_.~%-]*\.json$`)
	f.Fuzz(func(t *testing.T, role, other string, version int64) {
		name := metadata.FileName(role, version)
		require.Regexp(t, safe, name)
		back, err := url.PathUnescape(name)
		require.NoError(t, err)
		prefix, _ := url.PathUnescape(metadata.FileName("", version))
		require.Equal(t, prefix[:len(prefix)-len(".json")]+role+".json", back)
		require.Equal(t, role == other, name == metadata.FileName(other, version))
		base, err := url.Parse("https://example.com/metadata/")
		require.NoError(t, err)
		reference, err := url.Parse("https://example.com/metadata/" + name)
		require.NoError(t, err)
		require.Equal(t, base.String()+name, base.ResolveReference(reference).String(), "appended as it is")
	})
}

// R-5.6.7h, F5: the names of files in a repository.
func TestFileName(t *testing.T) {
	for _, c := range []struct {
		role    string
		version int64
		want    string
	}{
		{"timestamp", 0, "timestamp.json"},
		{"root", 7, "7.root.json"},
		{"a/b", 1, "1.a%2Fb.json"},
		{"?", 1, "1.%3F.json"},
		{"#", 0, "%23.json"},
		{"../x", 2, "2...%2Fx.json"},
		{"~a-B_0.", 1, "1.~a-B_0..json"},
		{"$&+,:;=@!'()*", 0, "%24%26%2B%2C%3A%3B%3D%40%21%27%28%29%2A.json"},
		{"🍺", 30, "30.%F0%9F%8D%BA.json"},
		{"%2f", 1, "1.%252f.json"},
		{" \x00", 1, "1.%20%00.json"},
	} {
		require.Equal(t, c.want, metadata.FileName(c.role, c.version))
	}
}
