package verify_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var requirement = regexp.MustCompile(`R-[0-9T][0-9A-Za-z.]*`)

// requirements returns the IDs in a text.
func requirements(text string) map[string]bool {
	ids := map[string]bool{}
	for _, id := range requirement.FindAllString(text, -1) {
		ids[strings.TrimSuffix(id, ".")] = true
	}
	return ids
}

// TestConformance keeps docs/conformance.md, the code and the tests together:
// each listed ID is cited in a test, each ID cited anywhere is listed, and each
// function and test that the page names exists.
func TestConformance(t *testing.T) {
	page, err := os.ReadFile("../docs/conformance.md")
	require.NoError(t, err)
	code, tests, scripts := sources(t)
	listed := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		id, row := strings.CutPrefix(cells[0], "| ")
		switch {
		case !row:
			continue
		case strings.HasPrefix(id, "R-"):
			require.False(t, listed[id], "%s is listed twice", id)
			listed[id] = true
		case strings.HasPrefix(id, "TAP "): // of a layer above: named by the TAP's own words
			require.Contains(t, tests, id, "%s is cited in no test", id)
		default:
			continue
		}
		require.Len(t, cells, 4, line)
		for _, name := range quoted(cells[2]) {
			parts := strings.Split(name, ".")
			last := regexp.QuoteMeta(parts[len(parts)-1])
			require.Regexp(t, `(?m)^(func (\([^)]*\) )?|type )`+last+`\b`, code[parts[0]], "%s: %s does not exist", id, name)
		}
		shown := strings.TrimSuffix(strings.TrimSpace(cells[3]), " |")
		require.NotEmpty(t, shown, id)
		for _, name := range quoted(shown) {
			require.Contains(t, tests, "func "+name+"(", "%s: %s does not exist", id, name)
		}
		for _, m := range regexp.MustCompile(`script ([a-z-]+)`).FindAllStringSubmatch(shown, -1) {
			require.Contains(t, scripts, m[1]+".txt", id)
		}
	}
	require.Greater(t, len(listed), 100)
	cited := requirements(tests)
	for _, text := range scripts {
		for id := range requirements(text) {
			cited[id] = true
		}
	}
	for id := range listed {
		require.True(t, cited[id], "%s is cited in no test", id)
	}
	for _, text := range code {
		for id := range requirements(text) {
			cited[id] = true
		}
	}
	for id := range cited {
		require.True(t, listed[id], "%s is cited and not listed", id)
	}
}

func quoted(cell string) (names []string) {
	for _, m := range regexp.MustCompile("`([A-Za-z0-9.]+)`").FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

// sources returns the four packages' code by package, the text of all tests but
// this one, and the scripts by name.
func sources(t *testing.T) (code map[string]string, tests string, scripts map[string]string) {
	code, scripts = map[string]string{}, map[string]string{}
	var all strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		switch {
		case strings.HasSuffix(path, "conformance_test.go") && filepath.Dir(path) == filepath.Join("..", "verify"):
		case strings.HasSuffix(path, "_test.go"):
			all.Write(data)
		case strings.HasSuffix(path, ".go"):
			code[filepath.Base(filepath.Dir(path))] += string(data)
		case strings.HasSuffix(path, ".txt") && filepath.Base(filepath.Dir(path)) == "script":
			scripts[filepath.Base(path)] = string(data)
		}
		return err
	}))
	return code, all.String(), scripts
}
