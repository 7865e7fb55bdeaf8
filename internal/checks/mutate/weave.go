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
	twin              int // how many before it in the function read alike
}

// key names the mutant without its line, which other changes move.
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

// edit replaces a part of a file by what render makes of it; the function that
// it is given returns parts with the edits inside them done.
type edit struct {
	from, to token.Pos
	render   func(text func(from, to token.Pos) string) string
}

// mutants finds all that can be changed.
func (t *tree) mutants() (all []*mutant) {
	next := 1
	for _, s := range t.files {
		s.next, s.seen = &next, map[string]int{}
		ast.Inspect(s.syntax, (&finder{source: s}).walk)
		// Those around come before those inside; of two for the same text, the
		// one that was found first is around the other.
		slices.SortStableFunc(s.edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
		all = append(all, s.mutants...)
	}
	return all
}

// mutant notes a change, and returns its ID.
func (f *finder) mutant(n ast.Node, changed string) int {
	m := &mutant{
		id: *f.next, pkg: f.pkg.PkgPath, file: filepath.Base(filepath.Dir(f.name)) + "/" + filepath.Base(f.name), function: f.function,
		line: f.pkg.Fset.Position(n.Pos()).Line, original: f.of(n), changed: changed,
	}
	key := m.key()
	m.twin = f.seen[key]
	f.seen[key]++
	*f.next++
	f.mutants = append(f.mutants, m)
	return m.id
}

// wrap puts a node, which is the last argument, into a format.
func (f *finder) wrap(n ast.Node, format string, args ...any) {
	f.edit(n, func(text func(from, to token.Pos) string) string {
		return fmt.Sprintf(format, append(slices.Clone(args), text(n.Pos(), n.End()))...)
	})
}

func (f *finder) edit(n ast.Node, render func(func(from, to token.Pos) string) string) {
	f.edits = append(f.edits, edit{n.Pos(), n.End(), render})
}

// of is the text of a node, in one line.
func (s *source) of(n ast.Node) string { return s.between(n.Pos(), n.End()) }

func (s *source) between(from, to token.Pos) string {
	return strings.Join(strings.Fields(s.raw(from, to)), " ") + map[bool]string{true: " "}[strings.HasSuffix(s.raw(from, to), " ")]
}

func (s *source) raw(from, to token.Pos) string {
	start := s.pkg.Fset.File(s.syntax.Pos()).Base()
	return string(s.text[int(from)-start : int(to)-start])
}

// woven is the file with all its mutants in it.
func (s *source) woven() string {
	file := s.pkg.Fset.File(s.syntax.Pos())
	return s.weave(token.Pos(file.Base()), token.Pos(file.Base()+len(s.text)), s.edits)
}

// weave does the edits within a part of the file.
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
			return s.weave(from, to, slices.DeleteFunc(slices.Clone(inside), func(x edit) bool { return x.from < from || x.to > to }))
		}))
		from, edits = e.to, edits[inner:]
	}
	b.WriteString(s.raw(from, to))
	return b.String()
}
