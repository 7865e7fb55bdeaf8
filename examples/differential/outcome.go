package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// outcome is what a client made of a cycle, as far as clients can be compared.
type outcome struct {
	panicked  bool
	refreshed bool
	versions  [4]int64 // of root, timestamp, snapshot and targets, if refreshed
	lookups   []string // "found 5 sha256=...", "no target" or "no answer", in the order of the paths
	reasons   []string // in the client's own words; not compared
}

var topLevel = [4]string{"root", "timestamp", "snapshot", "targets"}

const (
	noTarget = "no target"
	noAnswer = "no answer"
)

func found(length int64, hashes map[string]string) string {
	list := []string{}
	for _, name := range slices.Sorted(maps.Keys(hashes)) {
		list = append(list, name+"="+strings.ToLower(hashes[name]))
	}
	return fmt.Sprintf("found %d %s", length, strings.Join(list, " "))
}

func (o outcome) equal(p outcome) bool {
	return o.panicked == p.panicked && o.refreshed == p.refreshed && o.versions == p.versions && slices.Equal(o.lookups, p.lookups)
}

func (o outcome) String() string {
	if !o.refreshed {
		return fmt.Sprintf("refused (%s)", strings.Join(o.reasons, "; "))
	}
	return fmt.Sprintf("versions %v, lookups %q (%s)", o.versions, o.lookups, strings.Join(o.reasons, "; "))
}
