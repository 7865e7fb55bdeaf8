package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// avoided are words of old versions that say less than the specification's.
var avoided = regexp.MustCompile(`(?i)\b(anchor|floor|voucher|verdict|spoil|whoever)\w*|could not be had`)

// publicDocs are patterns of the documents for users.
var publicDocs = []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md", "examples/README.md"}

// publicPackages are the folders of the packages for users.
var publicPackages = []string{
	"metadata", "roles", "delegation", "verify", "verify/multirepo", "verify/verifytest",
}

// words finds avoided words in documents for users and, in the packages for
// users, in doc comments of exported names and in string literals, which are
// error texts nearly all.
func words(name, text string) ([]finding, error) {
	if path.Ext(name) == ".md" {
		isPublic := func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }
		if slices.ContainsFunc(publicDocs, isPublic) {
			return wordsIn(text, 1), nil
		}
		return nil, nil
	}
	if !slices.Contains(publicPackages, path.Dir(name)) || strings.HasSuffix(name, "_test.go") {
		return nil, nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []finding
	check := func(n ast.Node, text string) {
		found = append(found, wordsIn(text, files.Position(n.Pos()).Line)...)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			check(literal, literal.Value)
		}
		for _, group := range docsOf(n) {
			if group != nil {
				for _, c := range group.List {
					check(c, c.Text)
				}
			}
		}
		return true
	})
	slices.SortFunc(found, func(a, b finding) int { return a.line - b.line })
	return found, nil
}

// wordsIn finds avoided words in a text that begins on a line.
func wordsIn(text string, first int) (found []finding) {
	for i, line := range strings.Split(text, "\n") {
		for _, word := range avoided.FindAllString(line, -1) {
			found = append(found, finding{first + i, fmt.Sprintf("%q", word)})
		}
	}
	return found
}

// docsOf returns the comments that document an exported name.
func docsOf(n ast.Node) []*ast.CommentGroup {
	switch n := n.(type) {
	case *ast.File:
		return []*ast.CommentGroup{n.Doc}
	case *ast.FuncDecl:
		if n.Name.IsExported() {
			return []*ast.CommentGroup{n.Doc}
		}
	case *ast.GenDecl:
		if slices.ContainsFunc(n.Specs, exported) {
			return []*ast.CommentGroup{n.Doc}
		}
	case *ast.TypeSpec:
		if exported(n) {
			return []*ast.CommentGroup{n.Doc, n.Comment}
		}
	case *ast.ValueSpec:
		if exported(n) {
			return []*ast.CommentGroup{n.Doc, n.Comment}
		}
	case *ast.Field: // also of unexported structs, which have few exported fields
		if slices.ContainsFunc(n.Names, (*ast.Ident).IsExported) {
			return []*ast.CommentGroup{n.Doc, n.Comment}
		}
	}
	return nil
}

func exported(spec ast.Spec) bool {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return s.Name.IsExported()
	case *ast.ValueSpec:
		return slices.ContainsFunc(s.Names, (*ast.Ident).IsExported)
	}
	return false
}
