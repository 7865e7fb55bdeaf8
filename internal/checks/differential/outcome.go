package main

import (
	"crypto/sha256"
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
	kept      kept
	reasons   []string // in the client's own words; not compared
}

// kept is what the client has for its next run, whether or not this one
// succeeded: what it holds against rollbacks.
type kept struct{ timestamp, snapshot string }

func keptIn(files map[string][]byte) kept {
	return kept{string(files["timestamp.json"]), string(files["snapshot.json"])}
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
	return o.panicked == p.panicked && o.refreshed == p.refreshed && o.versions == p.versions && o.kept == p.kept && slices.Equal(o.lookups, p.lookups)
}

func (o outcome) String() string {
	reasons := strings.Join(o.reasons, "; ")
	if !o.refreshed {
		return fmt.Sprintf("refused (%s), keeps %.12x", reasons, sha256.Sum256(fmt.Append(nil, o.kept)))
	}
	return fmt.Sprintf("versions %v, lookups %q (%s), keeps %.12x", o.versions, o.lookups, reasons, sha256.Sum256(fmt.Append(nil, o.kept)))
}
