package verify_test

import (
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// FuzzRecordName checks that the name under which a role's file is saved is the
// name of a plain file on every system, and no other role's, also where case
// does not count (G16, D9).
func FuzzRecordName(f *testing.F) {
	for _, role := range []string{
		"targets", "a/b", "../../x", "A", "a%2fb", "role.targets", "nul", "é", "\xff",
		strings.Repeat("x", 186), strings.Repeat("x", 187), "=" + strings.Repeat("0", 64),
	} {
		f.Add(role, "a")
		f.Add(role, strings.ToUpper(role))
	}
	safe := regexp.MustCompile(`^[0-9a-z%_.=-]{1,200}$`)
	f.Fuzz(func(t *testing.T, role, other string) {
		name, otherName := verify.StoreName(role), verify.StoreName(other)
		require.Regexp(t, safe, name)
		require.True(t, filepath.IsLocal(name))
		require.Equal(t, role == "targets", name == "targets.json")
		require.True(t, role == "targets" || strings.HasPrefix(name, "role."), "%q", name)
		require.Equal(t, role == other, strings.EqualFold(name, otherName))
	})
}

// FuzzURLPaths checks that the path at which a target is asked for stays below
// the base URL, and means the target to a server; or that there is none
//
func FuzzURLPaths(f *testing.F) {
	for _, path := range []string{
		"a", "a/b c", "../a", "a/..", "/a", "//host/a", `a\b`, "a\x00", "a//b", "é?#%2e%2e/",
		"http://x/y", "...", "%2e%2e/a", "a/", "",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		target := verify.Target{Path: path}
		plain, err := target.PlainURLPath()
		if unsafePath(path) {
			require.ErrorIs(t, err, verify.ErrPath)
			require.Empty(t, plain)
			return
		}
		require.NoError(t, err)
		back, err := url.PathUnescape(plain)
		require.NoError(t, err)
		require.Equal(t, path, back)
		require.Equal(t, strings.Count(path, "/"), strings.Count(plain, "/"))
		const base = "https://example.com/targets/"
		u, err := url.Parse(base + plain)
		require.NoError(t, err)
		require.Equal(t, base+plain, u.String())
		require.Empty(t, u.RawQuery+u.Fragment)
		require.Equal(t, "/targets/"+path, u.Path)
	})
}

func unsafePath(path string) bool {
	control := func(r rune) bool { return r == '\\' || r < 0x80 && unicode.IsControl(r) }
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	return path == "" || path[0] == '/' || strings.ContainsFunc(path, control) ||
		slices.ContainsFunc(strings.Split(path, "/"), dots)
}
