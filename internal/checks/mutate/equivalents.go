package main

import (
	"fmt"
	"os"
	"strings"
)

// equivalents are mutants that no test can notice, each with the reason.
type equivalents struct{ reasons map[string]string }

// readEquivalents reads a file of keys, with reasons indented below them. Lines
// that begin with # are comments.
func readEquivalents(file string) (*equivalents, error) {
	known := &equivalents{map[string]string{}}
	if file == "" {
		return known, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var keys []string
	reasoned := true
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			reasoned = true
			for _, key := range keys {
				known.reasons[key] = strings.TrimSpace(known.reasons[key] + " " + strings.TrimSpace(line))
			}
		default:
			if _, again := known.reasons[line]; again {
				return nil, fmt.Errorf("%s:%d: listed twice", file, i+1)
			}
			if reasoned {
				keys = nil
			}
			keys, reasoned = append(keys, strings.TrimSpace(line)), false
		}
	}
	if !reasoned {
		return nil, fmt.Errorf("%s: %q has no reason", file, keys)
	}
	return known, nil
}

func (e *equivalents) has(m *mutant) bool {
	_, ok := e.reasons[m.key()]
	return ok
}

// stale returns the entries that are wrong: a test notices the mutant, or there
// is no such mutant in a file that was changed.
func (e *equivalents) stale(all []*mutant, results []result) (keys []string) {
	files, keyed := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		files[m.file], keyed[m.key()] = true, true
	}
	for key := range e.reasons {
		if file, _, _ := strings.Cut(key, " "); files[file] && !keyed[key] {
			keys = append(keys, "there is no such mutant: "+key)
		}
	}
	for _, r := range results {
		if r.equivalent && r.by != "" {
			keys = append(keys, fmt.Sprintf("noticed by %s: %s", r.by, r.key()))
		}
	}
	return keys
}
