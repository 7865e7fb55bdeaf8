package main

import (
	_ "embed"
	"fmt"
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
)

//go:embed avoided.txt
var avoidedText string

// avoidedWords are words of old versions that say less than the
// specification's.
var avoidedWords = strings.Split(strings.TrimSpace(avoidedText), "\n")

// avoided matches these words, with any ending.
var avoided = regexp.MustCompile(`(?i)\b(` + strings.Join(avoidedWords, "|") + `)\w*`)

// words finds avoided words in documents and, in Go, in comments and in
// strings. The changelog names what is gone.
func words(name, text string) (found []finding, err error) {
	if name == "CHANGELOG.md" {
		return nil, nil
	}
	if !strings.HasSuffix(name, ".go") {
		return wordsIn(text, 1), nil
	}
	file := token.NewFileSet().AddFile(name, -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), func(pos token.Position, msg string) {
		err = fmt.Errorf("%s: %s", pos, msg)
	}, scanner.ScanComments)
	for {
		pos, kind, literal := s.Scan()
		switch kind {
		case token.EOF:
			return found, err
		case token.COMMENT, token.STRING:
			found = append(found, wordsIn(literal, file.Line(pos))...)
		}
	}
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
