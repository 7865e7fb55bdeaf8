package delegation_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
)

// R-4.6.6 (D6, D9, GHSA-qp9x-wp8f-qgjj, sigstore-rust#174): patterns, and paths
// that match or do not match. Other clients disagree on many of them.
var matches = []struct {
	pattern, path string
	want          bool
}{
	// the specification's examples
	{"targets/*.tgz", "targets/foo.tgz", true}, {"targets/*.tgz", "targets/bar.tgz", true},
	{"targets/*.tgz", "targets/foo.txt", false},
	{"foo-version-?.tgz", "foo-version-2.tgz", true},
	{"foo-version-?.tgz", "foo-version-a.tgz", true},
	{"foo-version-?.tgz", "foo-version-alpha.tgz", false},
	{"*.tgz", "foo.tgz", true}, {"*.tgz", "targets/foo.tgz", false}, {"foo.tgz", "foo.tgz", true},
	{"foo.tgz", "foo-tgz", false},
	// segments
	{"*", "a", true}, {"*", "", true}, {"*", "a/b", false}, {"*/*", "a/b", true},
	{"*/*", "a/b/c", false}, {"a/*", "a/", true}, {"a/*", "a", false},
	{"**", "a/b", false}, {"**", "ab", true}, {"?", "/", false}, {"a?b", "a/b", false},
	{"a/*/c", "a/b/c", true}, {"a/*/c", "a//c", true}, {"a//c", "a/c", false},
	{"", "", true}, {"", "a", false}, {"a", "", false}, {"/a", "a", false}, {"./a", "a", false},
	{"a/../b", "b", false}, {"*/", "a/", true}, {"*/", "a", false},
	{"delegatedrole/*", "delegatedrole/artifact", true},
	{"delegatedrole/*", "delegatedrole/x/artifact", false},
	// stars
	{"a*b*c", "aXbXc", true}, {"a*b*c", "abbcbc", true}, {"a*b*c", "aXbX", false},
	{"*a", "ba", true}, {"*a*", "bab", true}, {"a*", "a", true}, {"*ab", "aab", true},
	{"*/b*", "a/bc", true}, {"a*/b", "a/c/b", false}, {"a*b/c", "ab/xb/c", false},
	{"*b/*d", "aab/ccd", true},
	// case and dots
	{"Foo/*", "foo/a", false}, {"foo", "FOO", false}, {"*", ".hidden", true},
	{"?hidden", ".hidden", true},
	// sets
	{"[a-c]", "b", true}, {"[a-c]", "d", false}, {"[!a-c]", "d", true}, {"[!a-c]", "b", false},
	{"[!a]*", "b.txt", true}, {"[!a]*", "a.txt", false},
	{"[]x]", "]", true}, {"[]x]", "x", true}, {"[!]x]", "]", false}, {"[!]x]", "y", true},
	{"[a-]", "-", true}, {"[-a]", "-", true}, {"[z-a]", "m", false}, {"[z-a]", "z", false},
	{"[!/]", "/", false}, {"[.-0]", "/", false}, {"a[!b]c", "a/c", false}, {"[^a]", "^", true},
	{"[^a]", "b", false}, {"[[]", "[", true}, {"[a-c-e]", "-", true}, {"[a-c-e]", "d", false},
	{"[é-ü]", "ö", true}, {"[🍺]", "🍺", true}, {"[!🍺]", "🍺", false},
	{"[*?]", "*", true}, {"[*?]", "a", false}, {"x[0-9][0-9]y", "x42y", true},
	// a [ that opens no set matches itself
	{"[", "[", true}, {"[", "a", false}, {"[a", "[a", true}, {"[a", "a", false},
	{"[]", "[]", true}, {"[!]", "[!]", true}, {"[!]", "a", false}, {"[a/b]", "[a/b]", true},
	{"[a/b]", "a", false}, {"a]", "a]", true},
	{"[]/a]", "[]/a]", true}, {"[]/a]", "a", false}, {"[]-/x]", "[]-/x]", true},
	{"[]-/x]", "x", false}, {"[]-", "[]-", true}, {"[]-", "]", false},
	// so do all other characters
	{`\*`, `\x`, true}, {`\*`, "*", false}, {`a\b`, `a\b`, true}, {`a\b`, "a/b", false},
	{"{a,b}", "a", false}, {"{a,b}", "{a,b}", true}, {"!a", "!a", true}, {"!a", "b", false},
	{"#a", "#a", true}, {"+(a)", "+(a)", true}, {"+(a)", "a", false},
	// characters, not bytes
	{"?", "é", true}, {"??", "é", false}, {"?", "🍺", true}, {"é", "e\u0301", false},
	{"?", "e\u0301", false},
	{"?", "\xff", true}, {"\xff", "\xff", true}, {"\xff", "\ufffd", false},
	{"\ufffd", "\xff", false}, {"[\ufffd]", "\ufffd", true},
}

func TestMatch(t *testing.T) {
	for _, c := range matches {
		require.Equal(t, c.want, delegation.Match(c.pattern, c.path), "%q, %q", c.pattern, c.path)
	}
}

// A pattern for which backtracking takes exponential time.
func TestMatchTakesItsTimeOnce(t *testing.T) {
	require.False(t, delegation.Match(strings.Repeat("*a", 1000)+"b", strings.Repeat("a", 3000)))
	require.True(t, delegation.Match(strings.Repeat("*a", 1000)+"*", strings.Repeat("a", 3000)))
	require.Zero(t, testing.AllocsPerRun(10, func() { delegation.Match("a/*/[!x]?*z", "a/bbb/yyyyyz") }))
}

// FuzzMatch compares Match with a naive matcher.
func FuzzMatch(f *testing.F) {
	for _, c := range matches {
		f.Add(c.pattern, c.path)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 24 || len(path) > 48 || strings.Count(pattern, "*") > 5 {
			return // too much for the naive matcher
		}
		require.Equal(t, naive(pattern, path), delegation.Match(pattern, path), "%q, %q", pattern, path)
	})
}

// naive matches segment by segment.
func naive(pattern, path string) bool {
	p, s := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(p) != len(s) {
		return false
	}
	for i := range p {
		if !naiveSegment(characters(p[i]), characters(s[i])) {
			return false
		}
	}
	return true
}

func naiveSegment(p, s []string) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == "*" {
		return naiveSegment(p[1:], s) || len(s) > 0 && naiveSegment(p, s[1:])
	}
	if len(s) == 0 {
		return false
	}
	if p[0] == "?" {
		return naiveSegment(p[1:], s[1:])
	}
	if p[0] == "[" {
		// The set ends at the first ] that is not its first element.
		body := 1
		if len(p) > 1 && p[1] == "!" {
			body = 2
		}
		for end := body + 1; end < len(p); end++ {
			if p[end] == "]" {
				return naiveSet(p[body:end], s[0]) != (body == 2) && naiveSegment(p[end+1:], s[1:])
			}
		}
	}
	return p[0] == s[0] && naiveSegment(p[1:], s[1:])
}

func naiveSet(set []string, c string) bool {
	for i := 0; i < len(set); i++ {
		low, high := set[i], set[i]
		if i+2 < len(set) && set[i+1] == "-" {
			high = set[i+2]
			i += 2
		}
		if value(low) <= value(c) && value(c) <= value(high) {
			return true
		}
	}
	return false
}

func value(c string) rune {
	r, _ := utf8.DecodeRuneInString(c)
	return r
}

func characters(s string) []string {
	var list []string
	for s != "" {
		_, n := utf8.DecodeRuneInString(s)
		list = append(list, s[:n])
		s = s[n:]
	}
	return list
}

// A [ without a ] is not read again and again.
func TestUnclosedSetsCostNothing(t *testing.T) {
	open := strings.Repeat("[", 200_000)
	require.False(t, delegation.Match("*"+open, strings.Repeat("[", 400)))
	require.False(t, delegation.Match("*"+open+"/]", strings.Repeat("[", 400)+"/]"))
	require.True(t, delegation.Match(open+"/[]]", open+"/]"))
}
