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

// pure is what the packages may import: nothing that opens a connection or a
// file, draws a random number or writes a log.
var pure = map[string]bool{
	"bytes": true, "cmp": true, "context": true, "encoding/base64": true, "encoding/binary": true, "encoding/hex": true, "encoding/pem": true, "errors": true, "fmt": true, "hash": true,
	"io": true, "io/fs": true, "iter": true, "maps": true, "math": true, "math/bits": true, "slices": true, "sort": true, "strconv": true, "strings": true, "time": true, "unicode/utf8": true,
	"crypto": true, "crypto/ecdsa": true, "crypto/ed25519": true, "crypto/elliptic": true, "crypto/rsa": true, "crypto/sha256": true, "crypto/sha512": true, "crypto/x509": true,
	"github.com/secure-systems-lab/go-securesystemslib/dsse":           true,
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier": true,
	"github.com/tufwalk/tufwalk/metadata":                              true,
	"github.com/tufwalk/tufwalk/roles":                                 true,
	"github.com/tufwalk/tufwalk/delegation":                            true,
	"github.com/tufwalk/tufwalk/verify":                                true,
}

// impure are functions that read the clock, wait, print or start goroutines in
// packages that are otherwise pure.
var impure = map[string]bool{
	"time.Now": true, "time.Since": true, "time.Until": true, "time.Sleep": true, "time.After": true, "time.AfterFunc": true, "time.Tick": true, "time.NewTimer": true, "time.NewTicker": true,
	"time.LoadLocation": true, "iter.Pull": true, "iter.Pull2": true, "fmt.Print": true, "fmt.Printf": true, "fmt.Println": true, "fmt.Scan": true, "fmt.Scanf": true, "fmt.Scanln": true,
	"context.WithTimeout": true, "context.WithDeadline": true, "context.AfterFunc": true, "x509.SystemCertPool": true,
	"rsa.GenerateKey": true, "ecdsa.GenerateKey": true, "ed25519.GenerateKey": true,
}

// order is which of the packages may import which: each only those before it.
var order = []string{"metadata", "roles", "delegation", "verify", "verify/multirepo"}

// TestPurity reads the packages' sources: they do no I/O, read no clock, start
// no goroutine, and know nothing of the packages above them.
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
	require.Equal(t, []string{`imports "os"`, `imports "math/rand"`, "reads time.Now", "starts a goroutine", "panics", "uses iter.Pull"}, faults(t, "x.go", []byte(`package x
import ("os"; "math/rand"; "time"; stop "iter")
func f() {
	_ = time.Now
	go f()
	panic("x")
	stop.Pull[int](nil)
}
`)))
}

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
			if name := imports[identName(x, ok)] + "." + n.Sel.Name; ok && impure[name] {
				verb := "uses "
				if strings.HasPrefix(name, "time.") {
					verb = "reads "
				}
				list = append(list, verb+name)
			}
		}
		return true
	})
	return list
}

func identName(x *ast.Ident, ok bool) string {
	if !ok {
		return ""
	}
	return x.Name
}
