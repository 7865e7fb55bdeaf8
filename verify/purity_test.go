package verify_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pure are the packages that the library may import: none of them opens a
// connection or a file, reads a random number or writes a log.
var pure = set(`
	bytes cmp context encoding/base64 encoding/binary encoding/hex encoding/pem errors fmt hash
	io io/fs iter maps math math/bits slices sort strconv strings time unicode/utf8
	crypto crypto/ecdsa crypto/ed25519 crypto/elliptic crypto/rsa crypto/sha256 crypto/sha512
	filippo.io/mldsa filippo.io/mldsa/x509
	github.com/secure-systems-lab/go-securesystemslib/dsse
	github.com/secure-systems-lab/go-securesystemslib/signerverifier
	github.com/tufwalk/tufwalk/internal/foreign
	github.com/tufwalk/tufwalk/internal/safename
	github.com/tufwalk/tufwalk/metadata
	github.com/tufwalk/tufwalk/roles
	github.com/tufwalk/tufwalk/delegation
	github.com/tufwalk/tufwalk/verify
`)

// impure are functions of these packages that read the clock, wait, print or
// start goroutines.
var impure = set(`
	time.Now time.Since time.Until time.Sleep time.After time.AfterFunc time.Tick
	time.NewTimer time.NewTicker time.LoadLocation
	iter.Pull iter.Pull2
	fmt.Print fmt.Printf fmt.Println fmt.Scan fmt.Scanf fmt.Scanln
	context.WithTimeout context.WithDeadline context.AfterFunc
	x509.SystemCertPool rsa.GenerateKey ecdsa.GenerateKey ed25519.GenerateKey
`)

// set returns the words of a text.
func set(text string) map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.Fields(text) {
		words[word] = true
	}
	return words
}

// order are the packages of the library. Each may import only those before it.
var order = []string{"metadata", "roles", "delegation", "verify", "verify/multirepo"}

// TestPurity reads the source of the packages: they do no I/O, read no clock,
// start no goroutine, and import no package that comes after them.
func TestPurity(t *testing.T) {
	for i, dir := range order {
		files, err := filepath.Glob("../" + dir + "/*.go")
		require.NoError(t, err)
		sources := 0
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			sources++
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, fault := range faults(t, file, src) {
				t.Errorf("%s: %s", file, fault)
			}
			for _, above := range order[i:] {
				require.NotContains(t, string(src), `"github.com/tufwalk/tufwalk/`+above+`"`, file)
			}
		}
		require.Greater(t, sources, 3, dir)
	}
}

// TestPurityOfTheTest shows that the check above would find something.
func TestPurityOfTheTest(t *testing.T) {
	const source = `package x
import ("os"; "math/rand"; "time"; stop "iter")
func f() {
	_ = time.Now
	go f()
	panic("x")
	stop.Pull[int](nil)
}
`
	require.Equal(t, []string{
		`imports "os"`, `imports "math/rand"`, "reads time.Now", "starts a goroutine", "panics",
		"uses iter.Pull",
	}, faults(t, "x.go", []byte(source)))
}

// faults returns what a file does that it must not do.
func faults(t *testing.T, name string, src []byte) (list []string) {
	file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	require.NoError(t, err)
	imports := map[string]string{} // the local name -> the last part of the path
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		if !pure[path] {
			list = append(list, "imports "+spec.Path.Value)
		}
		last := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			imports[spec.Name.Name] = last
		} else {
			imports[last] = last
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			list = append(list, "starts a goroutine")
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "panic" {
				list = append(list, "panics")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := imports[x.Name] + "." + n.Sel.Name
			switch {
			case !impure[name]:
			case strings.HasPrefix(name, "time."):
				list = append(list, "reads "+name)
			default:
				list = append(list, "uses "+name)
			}
		}
		return true
	})
	return list
}
