package main

import (
	"regexp"
	"strings"
)

var (
	marker = regexp.MustCompile(`^\s*([-*+]|\d+\.)\s+`) // of a list item
	code   = regexp.MustCompile("`[^`]*`")
	// next is the end of a sentence and the beginning of another.
	next   = regexp.MustCompile(`(\S*[.!?])[)"]* [("]*[A-Z]`)
	shorts = regexp.MustCompile(`(?i)^\W*(e\.g|i\.e|etc|vs|cf|approx)\.$`)
)

// sentences finds lines of Markdown with more than one sentence. Tables,
// headings and code are left out.
func sentences(text string) (found []finding) {
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			fenced = !fenced
		}
		if fenced || strings.HasPrefix(trimmed, "|") || strings.HasPrefix(trimmed, "#") {
			continue
		}
		line = code.ReplaceAllString(marker.ReplaceAllString(line, ""), "Code")
		for _, m := range next.FindAllStringSubmatch(line, -1) {
			if !shorts.MatchString(m[1]) {
				found = append(found, finding{i + 1, "more than one sentence: ... " + m[0] + "..."})
				break
			}
		}
	}
	return found
}
