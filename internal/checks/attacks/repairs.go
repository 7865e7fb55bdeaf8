package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// traces are digests of the metadata that the operators have published.
// Anything else in a cache comes from an attacker.
type traces map[[sha256.Size]byte]bool

func (t traces) note(files map[string][]byte) {
	for _, data := range files {
		t[sha256.Sum256(data)] = true
	}
}

// foreign returns the names of the files in a user's cache that the operators
// have never published.
func (t traces) foreign(dir string) (names []string) {
	saved, _ := filepath.Glob(filepath.Join(dir, "cache", "*.json")) // the pattern is well-formed
	for _, file := range saved {
		if data, err := os.ReadFile(file); err == nil && !t[sha256.Sum256(data)] {
			names = append(names, filepath.Base(file))
		}
	}
	return names
}

// repairs are the attacker's files that were in the cache of a client that did
// not refuse, and are gone.
type repairs struct{ atOnce, later []string }

func (r repairs) any() bool { return len(r.atOnce)+len(r.later) > 0 }

// accepted records an update that the client did not refuse: the foreign files
// before and after it.
func (r *repairs) accepted(before, after []string) {
	for _, name := range before {
		if !slices.Contains(after, name) {
			r.atOnce = append(r.atOnce, name)
		}
	}
	r.later = after
}

// outlived makes the attack a success if a file that the client accepted is
// still in its cache after an update from an honest mirror.
func (r *row) outlived(foreign []string) {
	for _, name := range r.repairs.later {
		if slices.Contains(foreign, name) {
			r.won = append(r.won, "the attacker's "+name+" stays in the cache")
		}
	}
}

// String says which files were replaced, and when.
func (r repairs) String() string {
	text := ""
	if len(r.atOnce) > 0 {
		text += "; replaced at once: " + strings.Join(r.atOnce, ", ")
	}
	if len(r.later) > 0 {
		text += "; replaced by the next update: " + strings.Join(r.later, ", ")
	}
	return text
}
