package verify_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requirement matches the IDs of docs/conformance.md: R-5.3.4a, R-T15.1, and
// TAP 4 map and its steps.
var requirement = regexp.MustCompile(`\b(R-[0-9T][0-9A-Za-z.]*[0-9A-Za-z]|TAP 4 (map|step [0-9]))\b`)

// requirements returns the IDs in a text.
func requirements(text string) map[string]bool {
	ids := map[string]bool{}
	for _, id := range requirement.FindAllString(text, -1) {
		ids[id] = true
	}
	return ids
}

// citations are what the rows of docs/conformance.md are checked against.
type citations struct {
	code    map[string]map[string]bool // the IDs in each function and type, by its name
	all     map[string]bool            // the IDs anywhere in the code
	tests   string                     // the text of all tests
	scripts map[string]string          // by the name of the file
}

// TestConformance checks docs/conformance.md against the code and the tests.
// Each function or type that a row names exists, and cites the row's ID in its
// comment or its body. Each test exists. Each ID is cited in a test, and each
// ID that is cited anywhere has a row.
func TestConformance(t *testing.T) {
	page, err := os.ReadFile("../docs/conformance.md")
	require.NoError(t, err)
	rows := conformanceRows(string(page))
	require.Greater(t, len(rows), 100)
	for _, fault := range conformanceFaults(rows, readCitations(t)) {
		t.Error(fault)
	}
}

// TestConformanceOfTheTest shows that the check above would find something.
func TestConformanceOfTheTest(t *testing.T) {
	code := map[string]map[string]bool{"roles.A": requirements(`
// A is a function. R-1.1, R-1.1a: it checks.
func A() { b() } // TAP 4 step 1
`), "roles.T": {}, "roles.T.b": requirements("R-1.2.")}
	c := citations{
		code:    code,
		all:     map[string]bool{"R-1.1": true, "R-1.1a": true, "R-1.2": true, "TAP 4 step 1": true},
		tests:   "// R-1.1, R-1.1a, TAP 4 step 1, R-9.1\nfunc TestA(t *testing.T) {}",
		scripts: map[string]string{"a.txt": "# R-1.2"},
	}
	good := []string{
		"| R-1.1 | x | `roles.A` | `TestA` |",
		"| R-1.1a | x | `roles.A` | `TestA`, script a |",
		"| R-1.2 | x | `roles.T.b` | script a |",
		"| TAP 4 step 1 | x | `roles.A` | `TestA` |",
		"| R-9.1 | not a check: x | - | `TestA` |",
	}
	faults := func(rows ...string) string {
		page := "| ID | requirement | enforced by | shown by |\n|---|---|---|---|\n" + strings.Join(rows, "\n")
		return strings.Join(conformanceFaults(conformanceRows(page), c), "\n")
	}
	require.Empty(t, faults(good...))
	for wrong, want := range map[string]string{
		"| R-1.2 | x | `roles.A` | script a |":              "R-1.2 is not cited in roles.A",
		"| R-1.2 | x | `roles.T` | script a |":              "R-1.2 is not cited in roles.T",
		"| R-1.2 | x | `roles.T.b`, `roles.A` | script a |": "R-1.2 is not cited in roles.A",
		"| R-1.2 | x | `roles.b` | script a |":              "R-1.2: roles.b does not exist",
		"| R-1.2 | x | `verify.T.b` | script a |":           "R-1.2: verify.T.b does not exist",
		"| R-1.2 | x | - | script a |":                      "R-1.2 has no function, and does not say why",
		"| R-1.2 | x | `roles.T.b` | `TestB` |":             "R-1.2: TestB does not exist",
		"| R-1.2 | x | `roles.T.b` | script b |":            "R-1.2: script b does not exist",
		"| R-1.2 | x | `roles.T.b` | - |":                   "R-1.2 has no test",
		"| R-1.2 | x | script a |":                          "R-1.2: 3 cells in place of 4",
	} {
		rows := append([]string{}, good...)
		rows[2] = wrong
		require.Equal(t, want, faults(rows...), wrong)
	}
	require.Equal(t, "R-9.1 is listed twice", faults(append(good, good[4])...))
	uncited := strings.Replace(good[4], "9.1", "9.2", 1)
	require.Equal(t, "R-9.2 is cited in no test", faults(append(good, uncited)...))
	require.Equal(t, "R-1.2 is cited in the code and not listed", faults(good[0], good[1], good[3], good[4]))
	require.Equal(t, "R-9.1 is cited in a test and not listed", faults(good[:4]...))
}

// conformanceRows returns the rows of the page's tables, as cells.
func conformanceRows(page string) (rows [][]string) {
	for _, cells := range tableRows(page) {
		if requirement.MatchString(cells[0]) {
			rows = append(rows, cells)
		}
	}
	return rows
}

// conformanceFaults returns what is wrong with the rows.
func conformanceFaults(rows [][]string, c citations) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	listed := map[string]bool{}
	cited := requirements(c.tests)
	for _, text := range c.scripts {
		for id := range requirements(text) {
			cited[id] = true
		}
	}
	for _, cells := range rows {
		id := cells[0]
		if listed[id] {
			fault("%s is listed twice", id)
		}
		listed[id] = true
		if len(cells) != 4 {
			fault("%s: %d cells in place of 4", id, len(cells))
			continue
		}
		names := quoted(cells[2])
		if len(names) == 0 && !strings.Contains(cells[1], "not a check") {
			fault("%s has no function, and does not say why", id)
		}
		for _, name := range names {
			if ids, ok := c.code[name]; !ok {
				fault("%s: %s does not exist", id, name)
			} else if !ids[id] {
				fault("%s is not cited in %s", id, name)
			}
		}
		shown := quoted(cells[3])
		for _, name := range shown {
			if !strings.Contains(c.tests, "func "+name+"(") {
				fault("%s: %s does not exist", id, name)
			}
		}
		for _, m := range regexp.MustCompile(`script ([a-z-]+)`).FindAllStringSubmatch(cells[3], -1) {
			shown = append(shown, m[1])
			if _, ok := c.scripts[m[1]+".txt"]; !ok {
				fault("%s: script %s does not exist", id, m[1])
			}
		}
		switch {
		case len(shown) == 0:
			fault("%s has no test", id)
		case !cited[id]:
			fault("%s is cited in no test", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.all)) {
		if !listed[id] {
			fault("%s is cited in the code and not listed", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cited)) {
		if !listed[id] && !c.all[id] {
			fault("%s is cited in a test and not listed", id)
		}
	}
	return faults
}

// quoted returns the names in backquotes.
func quoted(cell string) (names []string) {
	for _, m := range regexp.MustCompile("`([A-Za-z0-9.]+)`").FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

// readCitations reads the code of the library, and the tests of the whole
// repository but this one.
func readCitations(t *testing.T) citations {
	c := citations{code: map[string]map[string]bool{}, all: map[string]bool{}, scripts: map[string]string{}}
	for _, dir := range order {
		files, err := filepath.Glob("../" + dir + "/*.go")
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			for id := range requirements(string(src)) {
				c.all[id] = true
			}
			require.NoError(t, readDeclarations(filepath.Base(dir), src, c.code))
		}
	}
	var tests strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join("..", "verify", "conformance_test.go") {
			return err
		}
		script := strings.HasSuffix(path, ".txt") && filepath.Base(filepath.Dir(path)) == "script"
		if !script && !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if script {
			c.scripts[filepath.Base(path)] = string(data)
		} else {
			tests.Write(data)
		}
		return err
	}))
	c.tests = tests.String()
	return c
}

// readDeclarations notes the IDs that each function and type of a file cites:
// in its comment, in its body, and behind its last line. The name of a method
// has that of its type before it.
func readDeclarations(pkg string, src []byte, code map[string]map[string]bool) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", src, parser.ParseComments)
	if err != nil {
		return err
	}
	note := func(name string, doc *ast.CommentGroup, n ast.Node) {
		from := n.Pos()
		if doc != nil {
			from = doc.Pos()
		}
		text := string(src[fset.Position(from).Offset:fset.Position(n.End()).Offset])
		rest, _, _ := strings.Cut(string(src[fset.Position(n.End()).Offset:]), "\n")
		code[pkg+"."+name] = requirements(text + rest)
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			note(receiver(d)+d.Name.Name, d.Doc, d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && d.Lparen.IsValid() {
					note(s.Name.Name, s.Doc, s)
				} else if ok {
					note(s.Name.Name, d.Doc, d)
				}
			}
		}
	}
	return nil
}

// receiver returns the name of a method's type and a dot; nothing for a
// function that is no method.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	switch generic := typ.(type) {
	case *ast.IndexExpr:
		typ = generic.X
	case *ast.IndexListExpr:
		typ = generic.X
	}
	return typ.(*ast.Ident).Name + "."
}
