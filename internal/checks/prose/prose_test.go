package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbers returns the lines in which a check finds something.
func numbers(t *testing.T, check func(name, text string) ([]finding, error), name, text string) (list []int) {
	t.Helper()
	found, err := check(name, text)
	require.NoError(t, err)
	for _, f := range found {
		list = append(list, f.line)
	}
	slices.Sort(list)
	return list
}

func TestWidths(t *testing.T) {
	long := strings.Repeat("word ", 16) // 80 columns
	text := strings.Join([]string{
		"package p",
		"",
		"// " + long, // line 3
		"// https://example.com/" + strings.Repeat("x", 100)[:90],
		"//go:generate " + long,
		"var a = 1 // " + long,
		"/* first",
		"\tsecond " + long + "*/", // line 8
		"var b = `" + strings.Repeat("x", 110) + "`",
		"var c = `" + strings.Repeat("x", 111) + "`", // line 10
		"var d = `",
		"// " + long,
		"`",
		"",
		"\t//  " + long[:70],  // 4 columns for the tab: 78
		"\t// \t" + long[:72], // line 16: the second tab ends at column 8
		"",
		"// Output:",
		"// " + long,
		"",
	}, "\n")
	require.Equal(t, []int{3, 8, 10}, numbers(t, widths, "p/p.go", text))
	require.Equal(t, 8, width("\t//\t"))

	_, err := widths("p/p.go", "package")
	require.Error(t, err)
}

func TestSentences(t *testing.T) {
	for line, several := range map[string]bool{
		"One sentence.":              false,
		"One. Two.":                  true,
		"Really? Yes.":               true,
		"(In brackets.) And more.":   true,
		`It says "no." That is all.`: true,
		"It ends with `code`. `Code` begins the next.": true,
		"It has `a. B` in code.":                       false,
		"1. The first item.":                           false,
		"- An item, e.g. Sigstore, etc. Done by hand.": false,
		"Version 1.2 of Go.":                           false,
		"# One. Two.":                                  false,
		"| One. Two. |":                                false,
		"**Run-in heading.** The text.":                false,
	} {
		want := []int(nil)
		if several {
			want = []int{2}
		}
		require.Equal(t, want, numbers(t, widths, "x.md", "Title\n"+line+"\n```\nOne. Two.\n```\n"), line)
	}
}

func TestWords(t *testing.T) {
	for _, word := range avoidedWords {
		for _, word := range []string{word, strings.ToUpper(word), word + "s"} {
			text := strings.ReplaceAll(`// Package verify has a WORD.
package verify

const text = "a WORD, and one WORD"
var many = `+"`one\nWORD`"+`
/* two
WORD */
var unWORD = WORD // aWORD, unWORDed
`, "WORD", word)
			require.Equal(t, []int{1, 4, 4, 6, 8}, numbers(t, words, "verify/a.go", text), word)
			require.Equal(t, []int{2}, numbers(t, words, "docs/a.md", "One.\nA `"+word+"`.\n"), word)
			require.Empty(t, numbers(t, words, "CHANGELOG.md", word))
		}
	}
	_, err := words("a.go", `"unterminated`)
	require.Error(t, err)
}

func TestProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	write(".git/x.md", "One. Two.\n")
	write("docs/x.md", "One.\nTwo.\n")
	write("metadata/x.go", "package metadata\n")
	runs := func(code int, want string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		require.Equal(t, code, run(t.Context(), args, &out, &errs), errs.String())
		require.Equal(t, want, out.String())
	}
	runs(0, "", "widths")
	runs(0, "", "words")
	runs(2, "", "grammar")

	one, two := avoidedWords[0], avoidedWords[1]
	write("docs/x.md", fmt.Sprintf("An %s. A %s.\n", one, two))
	runs(1, fmt.Sprintf("docs/x.md:1: more than one sentence: ... %s. A...\n", one), "widths")
	runs(1, fmt.Sprintf("docs/x.md:1: %q\ndocs/x.md:1: %q\n", one, two), "words")
}
