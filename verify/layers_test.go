package verify_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layers are the files of package verify, as doc.go draws them: a file calls
// its own layer and those below, never one above.
var layers = [][]string{
	{"session.go", "request.go", "save.go", "run.go", "storesource.go",
		"listing.go", "difference.go"}, // the public calls
	{"update.go"}, // the loop over the steps
	{"root.go", "timestamp.go", "snapshot.go", "targets.go"}, // the steps of the update
	{"lookup.go", "notarget.go"},                             // lookups
	{"edge.go", "bound.go"},                                  // the delegations that they follow
	{"queue.go"},                                             // requests, ahead or not
	{"stored.go"},                                            // what is stored
	{"files.go", "names.go", "limits.go", "state.go", "target.go", "aliases.go", "doc.go",
		"sources.go", "kind.go"}, // files alone
}

// TestLayers reads the package: calls go down only, and every file has its
// layer.
func TestLayers(t *testing.T) {
	layer := map[string]int{}
	for i, files := range layers {
		for _, file := range files {
			layer[file] = i
		}
	}
	calls := callsBetweenFiles(t)
	require.ElementsMatch(t, slices.Collect(maps.Keys(layer)), sources(t), "every file has its layer")
	up := 0
	for _, c := range calls {
		if layer[c.to] < layer[c.from] {
			up++
			t.Errorf("%s calls %s, in %s, which is above it", c.from, c.name, c.to)
		}
	}
	directions := map[[2]string]bool{}
	for _, c := range calls {
		if c.from != c.to {
			directions[[2]string{c.from, c.to}] = true
		}
	}
	t.Logf("files call each other in %d directions, %d calls go up", len(directions), up)
	require.Greater(t, len(directions), 10, "the test reads the package")
}

// sources are the files of the package, without its tests.
func sources(t *testing.T) []string {
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	return slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

type call struct{ from, to, name string }

// callsBetweenFiles returns the calls of the package's own functions. Other
// packages need not be known for that.
func callsBetweenFiles(t *testing.T) (calls []call) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range sources(t) {
		file, err := parser.ParseFile(fset, path, nil, 0)
		require.NoError(t, err)
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: emptyPackages{}, Error: func(error) {}}
	pkg, _ := config.Check("verify", fset, files, info)
	for id, object := range info.Uses {
		if f, ok := object.(*types.Func); ok && f.Pkg() == pkg && f.Pos().IsValid() {
			from, to := fset.Position(id.Pos()).Filename, fset.Position(f.Pos()).Filename
			calls = append(calls, call{from, to, f.Name()})
		}
	}
	return calls
}

// emptyPackages stands for all other packages.
type emptyPackages struct{}

func (emptyPackages) Import(path string) (*types.Package, error) {
	pkg := types.NewPackage(path, filepath.Base(path))
	pkg.MarkComplete()
	return pkg, nil
}
