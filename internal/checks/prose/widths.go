package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
)

const (
	maxBytes   = 120 // of a line of Go
	maxColumns = 80  // of a line of a comment
	tabWidth   = 4
)

// widths finds long lines in Go, and lines with several sentences in Markdown.
func widths(name, text string) ([]finding, error) {
	if path.Ext(name) == ".md" {
		return sentences(text), nil
	}
	var found []finding
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > maxBytes {
			found = append(found, finding{i + 1, fmt.Sprintf("%d bytes, at most %d", len(line), maxBytes)})
		}
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return found, err
	}
	for _, group := range file.Comments {
		for _, n := range commentLines(files, group, lines) {
			if columns := width(lines[n-1]); columns > maxColumns && !unbreakable(lines[n-1]) {
				what := fmt.Sprintf("a comment of %d columns, at most %d", columns, maxColumns)
				found = append(found, finding{n, what})
			}
		}
	}
	return found, nil
}

var (
	directive = regexp.MustCompile(`^//[a-z]+:[a-z]`)
	output    = regexp.MustCompile(`(?i)^//\s*(unordered )?output:`)
)

// commentLines returns the numbers of the lines of a comment group that have
// nothing but the comment. Directives are left out, and what follows "Output:".
func commentLines(files *token.FileSet, group *ast.CommentGroup, lines []string) (numbers []int) {
	for _, c := range group.List {
		if output.MatchString(c.Text) {
			return numbers
		}
		if directive.MatchString(c.Text) {
			continue
		}
		first, last := files.Position(c.Pos()), files.Position(c.End())
		for n := first.Line; n <= last.Line; n++ {
			if n > first.Line || strings.TrimSpace(lines[n-1][:first.Column-1]) == "" {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// width is the number of columns of a line.
func width(line string) int {
	columns := 0
	for _, char := range line {
		if char == '\t' {
			columns += tabWidth - columns%tabWidth
		} else {
			columns++
		}
	}
	return columns
}

// unbreakable reports whether a line of a comment has only one word, such as a
// URL.
func unbreakable(line string) bool {
	words := strings.Fields(strings.TrimLeft(line, "\t /*-"))
	return len(words) <= 1
}
