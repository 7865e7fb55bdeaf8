package client

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Anybody could have written this package: it uses the public packages of the
// core, the standard library, and what go.mod requires, each with its reason.
func TestImports(t *testing.T) {
	const core = "github.com/tufwalk/tufwalk/"
	allowed := []string{core + "verify", core + "verify/multirepo", core + "roles", core + "metadata"}
	goMod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	var modules []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(goMod), -1) {
		if !strings.HasPrefix(m[1], "github.com/tufwalk/") && !strings.Contains(m[1], "testify") {
			modules = append(modules, m[1])
		}
	}
	require.NotEmpty(t, modules)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			first, _, _ := strings.Cut(path, "/")
			ok := !strings.Contains(first, ".") || slices.Contains(allowed, path) ||
				slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
			require.True(t, ok, "%s imports %s", name, path)
		}
	}
}
