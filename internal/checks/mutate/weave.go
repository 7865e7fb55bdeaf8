package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// mutant is one small change.
type mutant struct {
	id                int
	pkg               string
	file, function    string
	line              int
	original, changed string
	twin              int // how many earlier ones in the function have the same text
}

// key names the mutant without its line, which changes with other edits.
func (m *mutant) key() string {
	change := fmt.Sprintf("%s -> %s", m.original, m.changed)
	if m.changed == "" {
		change = m.original + " left out"
	}
	if m.twin > 0 {
		change = fmt.Sprintf("%s (%d)", change, m.twin+1)
	}
	return fmt.Sprintf("%s %s: %s", m.file, m.function, change)
}

func (m *mutant) String() string {
	rest, _ := strings.CutPrefix(m.key(), m.file)
	return fmt.Sprintf("%s:%d%s", m.file, m.line, rest)
}

// source is a file to be changed.
type source struct {
	pkg     *packages.Package
	name    string
	text    []byte
	syntax  *ast.File
	mutants []*mutant
	edits   []edit
	next    *int // the ID of the next mutant
	seen    map[string]int
}

// edit replaces a part of a file with the result of render. The function that
// render is given returns a part with the edits inside it done.
type edit struct {
	from, to token.Pos
	render   func(text func(from, to token.Pos) string) string
}

// mutants finds all mutants.
func (t *tree) mutants() (all []*mutant) {
	next := 1
	for _, s := range t.files {
		s.next, s.seen = &next, map[string]int{}
		ast.Inspect(s.syntax, (&finder{source: s}).walk)
		// Outer edits come before inner ones. Of two for the same text, the one
		// that was found first is the outer one.
		slices.SortStableFunc(s.edits, func(a, b edit) int {
			return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
		})
		all = append(all, s.mutants...)
	}
	return all
}

// mutant records a mutant and returns its ID.
func (f *finder) mutant(n ast.Node, changed string) int {
	m := &mutant{
		id:       *f.next,
		pkg:      f.pkg.PkgPath,
		file:     filepath.Base(filepath.Dir(f.name)) + "/" + filepath.Base(f.name),
		function: f.function,
		line:     f.pkg.Fset.Position(n.Pos()).Line,
		original: f.of(n),
		changed:  changed,
	}
	key := m.key()
	m.twin = f.seen[key]
	f.seen[key]++
	*f.next++
	f.mutants = append(f.mutants, m)
	return m.id
}

// wrap puts a node into a format, as the last argument.
func (f *finder) wrap(n ast.Node, format string, args ...any) {
	f.edit(n, func(text func(from, to token.Pos) string) string {
		return fmt.Sprintf(format, append(slices.Clone(args), text(n.Pos(), n.End()))...)
	})
}

func (f *finder) edit(n ast.Node, render func(func(from, to token.Pos) string) string) {
	f.edits = append(f.edits, edit{n.Pos(), n.End(), render})
}

// of is the text of a node, on one line.
func (s *source) of(n ast.Node) string { return s.between(n.Pos(), n.End()) }

func (s *source) between(from, to token.Pos) string {
	raw := s.raw(from, to)
	text := strings.Join(strings.Fields(raw), " ")
	if strings.HasSuffix(raw, " ") {
		text += " "
	}
	return text
}

func (s *source) raw(from, to token.Pos) string {
	start := s.pkg.Fset.File(s.syntax.Pos()).Base()
	return string(s.text[int(from)-start : int(to)-start])
}

// woven is the text of the file with all its mutants in it.
func (s *source) woven() string {
	file := s.pkg.Fset.File(s.syntax.Pos())
	return s.weave(token.Pos(file.Base()), token.Pos(file.Base()+len(s.text)), s.edits)
}

// weave does the edits inside a part of the file.
func (s *source) weave(from, to token.Pos, edits []edit) string {
	var b strings.Builder
	for len(edits) > 0 {
		e, inner := edits[0], 1
		for inner < len(edits) && edits[inner].to <= e.to {
			inner++
		}
		inside := edits[1:inner]
		b.WriteString(s.raw(from, e.from))
		b.WriteString(e.render(func(from, to token.Pos) string {
			return s.weave(from, to, slices.DeleteFunc(slices.Clone(inside), func(x edit) bool {
				return x.from < from || x.to > to
			}))
		}))
		from, edits = e.to, edits[inner:]
	}
	b.WriteString(s.raw(from, to))
	return b.String()
}
