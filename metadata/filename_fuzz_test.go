package metadata_test

import (
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// FuzzFileName checks that the name of a role's file is one segment of a path
// and nothing else, that a server reads the role's name back from it, and that
// two roles have different files (R-5.6.7h, D9, G16).
func FuzzFileName(f *testing.F) {
	for _, role := range []string{"targets", "a/b", "../../etc/passwd", "..", ".", "", "a%2Fb", "a b", "é🍺", "\xff\x00", `a\b`, "CON", "a?b#c", "A", "1.root"} {
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
