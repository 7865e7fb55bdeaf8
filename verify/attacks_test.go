package verify_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// knownAttack is a row of docs/attacks.md.
type knownAttack struct {
	ids   []string // the tests name the first; the others are more names of the same
	tests []string // functions, and scripts with their ending
	cell  string
}

// excused says whether a row has a reason instead of a test.
func (a knownAttack) excused() bool {
	return strings.HasPrefix(a.cell, "not ours: ") || strings.HasPrefix(a.cell, "later, with ")
}

// TestAttacks checks docs/attacks.md against the tests: each ID has a test that
// exists and names it, or a reason.
func TestAttacks(t *testing.T) {
	data, err := os.ReadFile("../docs/attacks.md")
	require.NoError(t, err)
	page := string(data)
	texts := testTexts(t)
	listed := map[string]bool{}
	for _, fault := range append(attackFaults(readAttacks(page), texts), misplaced(page)...) {
		t.Error(fault)
	}
	for _, a := range readAttacks(page) {
		for _, id := range a.ids {
			listed[id] = true
		}
	}
	require.Greater(t, len(listed), 150)
}

// TestAttacksOfTheTest shows that the check above would find something.
func TestAttacksOfTheTest(t *testing.T) {
	texts := map[string]string{"TestA": "// K1 to K3", "a.txt": "# F1"}
	for row, want := range map[string]string{
		"| K2, F2 | x | `TestA` | - |":                          "",
		"| K2 | x | `TestA` | - |":                              "",
		"| K2, F1 | x | `TestA`, script a | - |":                "",
		"| F2 | x | not ours: the caller's | - |":               "",
		"| D14 | x | later, with TAP 4 | - |":                   "",
		"| K2 | x | - | - |":                                    "K2 has neither a test nor a reason",
		"| K2 | x | not ours | - |":                             "K2 has neither a test nor a reason",
		"| K2 | x | `TestB` | - |":                              "K2: TestB does not exist",
		"| K2 | x | `TestA`, script b | - |":                    "K2: b.txt does not exist",
		"| K4 | x | `TestA` | - |":                              "K4 is named by none of its tests",
		"| F1, K1 | x | `TestA` | - |":                          "F1 is named by none of its tests",
		"| K1 | x | `TestA` | - |\n| K1, K2 | x |`TestA` | - |": "row of 3 cells: | K1, K2 | x |`TestA` | - |",
		"| K1 | x | `TestA` | - |\n| K1 | x | `TestA` | - |":    "K1 is listed twice",
	} {
		page := "| ID | what | by | who |\n|---|---|---|---|\n" + row + "\n"
		require.Equal(t, want, strings.Join(append(attackFaults(readAttacks(page), texts), misplaced(page)...), "\n"), row)
	}
}

// tableRows returns the rows of a page's tables, as cells.
func tableRows(page string) (rows [][]string) {
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ID |") {
			rows = append(rows, strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | "))
		}
	}
	return rows
}

func readAttacks(page string) (list []knownAttack) {
	script := regexp.MustCompile(`script ([a-z-]+)`)
	aside := regexp.MustCompile(` \(.*\)$`)
	for _, cells := range tableRows(page) {
		if len(cells) != 4 {
			continue
		}
		ids := strings.Split(aside.ReplaceAllString(cells[0], ""), ", ")
		a := knownAttack{ids: ids, tests: quoted(cells[2]), cell: cells[2]}
		for _, m := range script.FindAllStringSubmatch(cells[2], -1) {
			a.tests = append(a.tests, m[1]+".txt")
		}
		list = append(list, a)
	}
	return list
}

// misplaced returns the rows that were not read.
func misplaced(page string) (faults []string) {
	for _, cells := range tableRows(page) {
		if len(cells) != 4 {
			faults = append(faults, fmt.Sprintf("row of %d cells: | %s |", len(cells), strings.Join(cells, " | ")))
		}
	}
	return faults
}

// attackFaults returns what is wrong with the rows, given the texts of all
// tests by name.
func attackFaults(rows []knownAttack, texts map[string]string) (faults []string) {
	seen := map[string]bool{}
	for _, a := range rows {
		var text strings.Builder
		missing := false
		for _, test := range a.tests {
			if _, ok := texts[test]; !ok {
				faults, missing = append(faults, fmt.Sprintf("%s: %s does not exist", a.ids[0], test)), true
			}
			text.WriteString(spelledOut(texts[test]))
		}
		for i, id := range a.ids {
			switch {
			case seen[id]:
				faults = append(faults, id+" is listed twice")
			case a.excused() || missing:
			case len(a.tests) == 0:
				faults = append(faults, id+" has neither a test nor a reason")
			case i == 0 && !regexp.MustCompile(`(^|[^\w-])`+regexp.QuoteMeta(id)+`($|[^\w-])`).MatchString(text.String()):
				faults = append(faults, id+" is named by none of its tests")
			}
			seen[id] = true
		}
	}
	return faults
}

// spelledOut adds what "K1 to K4" stands for.
func spelledOut(text string) string {
	var b strings.Builder
	for _, m := range regexp.MustCompile(`\b([DFGJKR])(\d+) to ([DFGJKR])(\d+)\b`).FindAllStringSubmatch(text, -1) {
		from, _ := strconv.Atoi(m[2])
		to, _ := strconv.Atoi(m[4])
		for i := from; i <= to && m[1] == m[3]; i++ {
			fmt.Fprintf(&b, " %s%d ", m[1], i)
		}
	}
	return text + b.String()
}

// testTexts returns the text of every test by its name. The text of a function
// has its comment and the tables that it uses. A script has the name of its
// file.
func testTexts(t *testing.T) map[string]string {
	texts := map[string]string{}
	vars := map[string]string{} // by package and name
	uses := map[string][]string{}
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		script := strings.HasSuffix(path, ".txt") && filepath.Base(filepath.Dir(path)) == "script"
		if !script && !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if script {
			texts[filepath.Base(path)] = string(src)
		} else if err == nil {
			err = readTests(filepath.Dir(path), src, texts, vars, uses)
		}
		return err
	}))
	for test, names := range uses {
		for _, name := range names {
			texts[test] += vars[name]
		}
	}
	return texts
}

func readTests(dir string, src []byte, texts, vars map[string]string, uses map[string][]string) error {
	file, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ParseComments)
	if err != nil {
		return err
	}
	text := func(n ast.Node, doc *ast.CommentGroup) string {
		from := n.Pos()
		if doc != nil {
			from = doc.Pos()
		}
		return string(src[from-1 : n.End()-1])
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if !strings.HasPrefix(d.Name.Name, "Test") && !strings.HasPrefix(d.Name.Name, "Fuzz") {
				continue
			}
			texts[d.Name.Name] = text(d, d.Doc)
			ast.Inspect(d, func(n ast.Node) bool {
				if x, ok := n.(*ast.Ident); ok {
					uses[d.Name.Name] = append(uses[d.Name.Name], dir+"."+x.Name)
				}
				return true
			})
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					vars[dir+"."+v.Names[0].Name] = text(d, d.Doc)
				}
			}
		}
	}
	return nil
}
