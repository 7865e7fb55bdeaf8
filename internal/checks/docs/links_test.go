package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```")
	code    = regexp.MustCompile("`[^`\n]*`")
)

// Links between documents lead to files and headings that exist.
func TestLinks(t *testing.T) {
	count := 0
	for _, file := range tracked(t, ".md") {
		text := code.ReplaceAllString(fenced.ReplaceAllString(read(t, file), ""), "")
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(found[1], "://") || strings.HasPrefix(found[1], "mailto:") {
				continue
			}
			count++
			if err := follow(t, file, found[1]); err != "" {
				t.Errorf("%s: (%s) %s", file, found[1], err)
			}
		}
	}
	require.Greater(t, count, 50)
}

func follow(t *testing.T, from, to string) (wrong string) {
	t.Helper()
	name, fragment, _ := strings.Cut(to, "#")
	if name = path.Join(path.Dir(from), name); strings.HasPrefix(to, "#") {
		name = from
	}
	info, err := os.Stat(filepath.Join(top(t), name))
	switch {
	case err != nil:
		return "does not exist"
	case fragment == "":
		return ""
	case info.IsDir() || !strings.HasSuffix(name, ".md"):
		return "has a fragment, and is no document"
	}
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, name), ""), -1) {
		if fragmentOf(found[1]) == fragment {
			return ""
		}
	}
	return "has no such heading"
}

// fragmentOf is what GitHub makes of a heading.
func fragmentOf(heading string) string {
	heading = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
