// Package moving has the tests of docs/from-go-tuf.md: its code compiles, and
// its names exist.
package moving

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"

	_ "github.com/sigstore/sigstore-go/pkg/root"
	_ "github.com/theupdateframework/go-tuf/v2/metadata/multirepo"
	_ "github.com/theupdateframework/go-tuf/v2/metadata/updater"

	_ "github.com/tufwalk/tufwalk/client"
	_ "github.com/tufwalk/tufwalk/verify/multirepo"
)

// side is one of the two libraries that the page speaks of. A block of code
// says in its first line which.
type side struct {
	imports []string
	given   string // what the blocks take for granted
}

var (
	standard = []string{"context", "errors", "io", "io/fs", "net/http", "path/filepath", "time"}
	sides    = map[string]side{
		"go-tuf": {
			[]string{
				"github.com/theupdateframework/go-tuf/v2/metadata",
				"github.com/theupdateframework/go-tuf/v2/metadata/config",
				"github.com/theupdateframework/go-tuf/v2/metadata/fetcher",
				"github.com/theupdateframework/go-tuf/v2/metadata/multirepo",
				"github.com/theupdateframework/go-tuf/v2/metadata/updater",
			},
			"var (rootJSON []byte; dir string)",
		},
		"tufwalk": {
			[]string{
				"github.com/sigstore/sigstore-go/pkg/root",
				"github.com/tufwalk/tufwalk/client",
				"github.com/tufwalk/tufwalk/metadata",
				"github.com/tufwalk/tufwalk/verify",
				"github.com/tufwalk/tufwalk/verify/multirepo",
			},
			"var (ctx context.Context; c *client.Client; rootJSON, mapJSON []byte; dir string)",
		},
	}
)

func page(t *testing.T) string {
	data, err := os.ReadFile("../../../docs/from-go-tuf.md")
	require.NoError(t, err)
	return string(data)
}

// imported are loaded packages, by path.
type imported map[string]*types.Package

func (p imported) Import(path string) (*types.Package, error) {
	if pkg := p[path]; pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("%s is not loaded", path)
}

func load(t *testing.T) imported {
	paths := slices.Concat(standard, sides["go-tuf"].imports, sides["tufwalk"].imports)
	list, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes}, paths...)
	require.NoError(t, err)
	all := imported{}
	for _, p := range list {
		require.Empty(t, p.Errors)
		all[p.PkgPath] = p.Types
	}
	return all
}

var block = regexp.MustCompile("(?s)```go\n// ([a-z-]+)\n(.*?)```")

func TestCodeCompiles(t *testing.T) {
	blocks := block.FindAllStringSubmatch(page(t), -1)
	require.Equal(t, strings.Count(page(t), "```go"), len(blocks), "a block does not say whose it is")
	require.NotEmpty(t, blocks)
	all := load(t)
	for i, b := range blocks {
		t.Run(fmt.Sprintf("%d %s", i+1, b[1]), func(t *testing.T) {
			require.Contains(t, sides, b[1])
			require.NoError(t, compile(all, sides[b[1]], b[2]), b[2])
		})
	}
}

// A test that accepts everything would not help.
func TestMistakesAreFound(t *testing.T) {
	all := load(t)
	for _, code := range []string{"return client.Opne()", "x := 1 +", "var e error = c", "return nil, nil"} {
		require.Error(t, compile(all, sides["tufwalk"], code), code)
	}
}

// compile checks the types of a block: declarations, or the body of a function
// that returns an error. What it imports or declares need not be used.
func compile(all imported, s side, code string) error {
	var text strings.Builder
	text.WriteString("package p\n")
	for _, path := range slices.Concat(standard, s.imports) {
		fmt.Fprintf(&text, "import %q\n", path)
	}
	text.WriteString(s.given + "\n")
	if strings.HasPrefix(code, "func ") || strings.HasPrefix(code, "type ") {
		text.WriteString(code)
	} else {
		end := "return nil\n"
		if last := strings.TrimSpace(code); strings.HasPrefix(last[strings.LastIndex(last, "\n")+1:], "return ") {
			end = ""
		}
		fmt.Fprintf(&text, "func _() error {\n%s\n%s}\n", code, end)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "block.go", text.String(), 0)
	if err != nil {
		return err
	}
	var wrong error
	config := types.Config{Importer: all, Error: func(err error) {
		if e, ok := err.(types.Error); wrong == nil && !(ok && e.Soft) {
			wrong = err
		}
	}}
	_, _ = config.Check("p", fset, []*ast.File{file}, nil)
	return wrong
}

var name = regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?`")

func TestNamesExist(t *testing.T) {
	all := load(t)
	names := name.FindAllStringSubmatch(page(t), -1)
	require.Greater(t, len(names), 50)
	for _, n := range names {
		require.True(t, exists(all, n[1], n[2], n[3]), "%s does not exist", n[0])
	}
	require.False(t, exists(all, "client", "Open", "Here"))
	require.False(t, exists(all, "client", "Client", "FindAll"))
	require.False(t, exists(all, "client", "Nothing", ""))
}

// exists says whether one of the packages of a name has an object, and that has
// a field or method.
func exists(all imported, pkg, object, member string) bool {
	for _, p := range all {
		o := p.Scope().Lookup(object)
		if p.Name() != pkg || o == nil {
			continue
		}
		if member == "" {
			return true
		}
		if _, isType := o.(*types.TypeName); !isType {
			continue
		}
		if found, _, _ := types.LookupFieldOrMethod(o.Type(), true, p, member); found != nil {
			return true
		}
	}
	return false
}
