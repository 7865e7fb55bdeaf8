package main

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// columns is how wide the output is.
const columns = 80

// lines breaks lines that are too long, at a space. A word is never broken,
// such as a digest or the path of a file.
type lines struct {
	to   io.Writer
	rest []byte // of a line that has not ended
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	end := bytes.LastIndexByte(l.rest, '\n') + 1
	if err := l.print(l.rest[:end]); err != nil {
		return 0, err
	}
	l.rest = l.rest[end:]
	return len(p), nil
}

// flush prints a line that has not ended.
func (l *lines) flush() {
	_ = l.print(l.rest)
	l.rest = nil
}

func (l *lines) print(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		breakLine(&b, line)
	}
	_, err := io.WriteString(l.to, b.String())
	return err
}

// breakLine writes a line as one or several. What follows the first has two
// more spaces in front.
func breakLine(b *strings.Builder, line string) {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	text := line[len(indent):]
	for more := "  "; utf8.RuneCountInString(indent)+utf8.RuneCountInString(strings.TrimSuffix(text, "\n")) > columns; {
		at := lastSpace(text, columns-len(indent))
		if at < 0 {
			break
		}
		b.WriteString(indent + strings.TrimRight(text[:at], " ") + "\n")
		text = strings.TrimLeft(text[at:], " ")
		indent, more = indent+more, ""
	}
	b.WriteString(indent + text)
}

// lastSpace returns where the last space is that leaves at most width runes in
// front of it, or the first space of all; -1: there is none.
func lastSpace(text string, width int) (at int) {
	at = -1
	runes := 0
	for i, r := range text {
		if r == ' ' && (runes <= width || at < 0) {
			at = i
		}
		runes++
	}
	return at
}
