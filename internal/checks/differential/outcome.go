package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// outcome is the result of an update, as far as clients can be compared.
type outcome struct {
	panicked  bool
	refreshed bool
	versions  [4]int64 // of root, timestamp, snapshot and targets, if refreshed
	lookups   []string // "found 5 sha256=...", "no target" or "no answer", in the order of the paths
	saved     saved
	reasons   []string // the client's errors; not compared
}

// saved is what protects the client's next update against rollback, whether or
// not this one succeeded.
type saved struct{ timestamp, snapshot string }

func savedIn(files map[string][]byte) saved {
	return saved{string(files["timestamp.json"]), string(files["snapshot.json"])}
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
	return o.panicked == p.panicked && o.refreshed == p.refreshed && o.versions == p.versions &&
		o.saved == p.saved && slices.Equal(o.lookups, p.lookups)
}

func (o outcome) String() string {
	reasons, digest := strings.Join(o.reasons, "; "), sha256.Sum256(fmt.Append(nil, o.saved))
	if !o.refreshed {
		return fmt.Sprintf("refused (%s), has saved %.12x", reasons, digest)
	}
	return fmt.Sprintf("versions %v, lookups %q (%s), has saved %.12x", o.versions, o.lookups, reasons, digest)
}
