package main

import (
	"encoding/base64"
	"errors"
	"maps"
	"path/filepath"
	"strings"

	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// deviation is a known difference between go-tuf and the specification as this
// project reads it. A rule states it for the model. Deviations explain a
// disagreement only if the model, with just their rules changed, does what
// go-tuf did.
type deviation struct {
	id   string // as in docs/attacks.md and docs/conformance.md
	what string
	rule func(*model.Rules)
}

// Version 2.4.2.
var deviations = []deviation{
	{"G3", "a role that was verified for one delegator is not verified for another",
		func(r *model.Rules) { r.FirstDelegator = true }},
	{"G4", "a file is still valid at the moment of its expiry", func(r *model.Rules) { r.LastSecond = true }},
	{"G9", "a role with one key that is missing or of an unknown kind has no keys",
		func(r *model.Rules) { r.EveryKeyUsable = true }},
	{"G17", "the newest root of earlier updates is forgotten", func(r *model.Rules) { r.ForgetRoot = true }},
	{"D6", "[!set] and sets without a closing bracket mean something else",
		func(r *model.Rules) { r.Match = matchFilepath }},
	{"R-4.6.5", "path_hash_prefixes are compared with base64", func(r *model.Rules) { r.HashText = base64Text }},
	{"D15", "a role's file may be that of another role with the same keys", func(r *model.Rules) { r.Unbound = true }},
	{"F4", "a hash of an unknown kind, next to a known one, never matches",
		func(r *model.Rules) { r.EveryHashKnown = true }},
	{"G7", "what is verified is not the file, but what is left of it in structs",
		func(r *model.Rules) { alsoRead(r, asStructs) }},
	{"G8", "one signature that is not hexadecimal makes the file unreadable",
		func(r *model.Rules) { alsoRead(r, refuseOddSignatures) }},
	{"G10", "the scheme of a key is not checked", func(r *model.Rules) { loosen(r, "R-4.2.2.5") }},
	{"G11", "a delegated role may have the name of a top-level role", func(r *model.Rules) { loosen(r, "R-4.6.10") }},
	{"G15", "versions below 1 and any spec_version are accepted",
		func(r *model.Rules) { loosen(r, "R-4.3.1", "R-4.3.2") }},
	{"J1", "files that are not strict JSON are accepted, and the case of member names is ignored",
		func(r *model.Rules) { alsoRead(r, asGoReads) }},
	{"J4", "numbers need not be integers", func(r *model.Rules) { loosen(r, "R-4.1.2") }},
	{"J7", "nesting has no limit but that of encoding/json", func(r *model.Rules) { loosen(r, "J7") }},
	{"K2", "a role may list a key twice, which counts once", func(r *model.Rules) { loosen(r, "K2") }},
	{"R-4.2.6", "path_hash_prefixes may be anything", func(r *model.Rules) { loosen(r, "R-4.2.6") }},
	{"R-4.3.6", "a root may lack a role", func(r *model.Rules) { loosen(r, "R-4.3.6") }},
	{"R-4.4.1", "a snapshot need not list the top-level targets", func(r *model.Rules) { loosen(r, "R-4.4.1") }},
	{"R-4.4.2", "lengths may be below 0", func(r *model.Rules) { loosen(r, "R-4.4.2") }},
	{"R-4.5.1", "a timestamp may list more than the snapshot", func(r *model.Rules) { loosen(r, "R-4.5.1") }},
	{"R-4.6.2", "custom may be anything", func(r *model.Rules) { loosen(r, "R-4.6.2") }},
	{"R-4.6.3", "a role that is listed twice has the keys of the first entry",
		func(r *model.Rules) { loosen(r, "R-4.6.3") }},
	{"R-5.5.8", "a saved snapshot of the right version need not have the hash in the timestamp",
		func(r *model.Rules) { r.TrustedCopy = true }},
}

func loosen(r *model.Rules, ids ...string) {
	if r.Loose == nil {
		r.Loose = map[string]bool{}
	}
	for _, id := range ids {
		r.Loose[id] = true
	}
}

func base64Text(sum [32]byte) string { return base64.URLEncoding.EncodeToString(sum[:]) }

func matchFilepath(pattern, path string) bool {
	patterns, parts := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(patterns) != len(parts) {
		return false
	}
	for i := range parts {
		if ok, err := filepath.Match(patterns[i], parts[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// Four deviations are not about rules: two are about the files that are saved
// for later updates, two end the process.
const (
	savesNoRoots = "R-5.2.3"
	forgetsRoles = "R-5.6.7h"
	panicsEarly  = "G1"
	panicsLate   = "G2"
)

var others = []deviation{
	{id: savesNoRoots, what: "only the newest root is saved, and the others are fetched again: " +
		"a mirror that lost or changed one stops the client"},
	{id: forgetsRoles, what: "a role whose name needs escaping is saved under one name and looked for under another"},
	{id: panicsEarly, what: "a panic on null in the place of an object, before signatures are verified"},
	{id: panicsLate, what: "a panic on what is null or missing in files with good signatures"},
}

// mostTogether is how many deviations may explain a disagreement together.
const mostTogether = 3

// evidence is a disagreement, with what both clients began with.
type evidence struct {
	situation
	ourStore, allCache, cache verifytest.Store // cache: the part of allCache that go-tuf finds
	ours, theirs              outcome
}

// explain returns the IDs of the smallest set of deviations with which the
// model does what go-tuf did. It returns nothing if there is none, or if the
// plain model does not do what the library did.
func (e evidence) explain() []string {
	if e.theirs.panicked {
		return e.explainPanic()
	}
	plain := model.Plain()
	if !runModel(e.situation, e.ourStore, plain).equal(e.ours) {
		return nil
	}
	if runModel(e.situation, e.cache, plain).equal(e.theirs) {
		switch {
		case runModel(e.situation, e.withRoots(e.cache), plain).equal(e.ours):
			return []string{savesNoRoots}
		case runModel(e.situation, e.allCache, plain).equal(e.ours):
			return []string{forgetsRoles}
		case runModel(e.situation, e.withRoots(e.allCache), plain).equal(e.ours):
			return []string{savesNoRoots, forgetsRoles}
		}
		return nil
	}
	for size := 1; size <= mostTogether; size++ {
		if ids := e.choose(nil, size, 0); ids != nil {
			return ids
		}
	}
	return nil
}

// explainPanic looks for a file that makes go-tuf panic, among those that it
// may have read.
func (e evidence) explainPanic() []string {
	for _, files := range []map[string][]byte{e.mirror, e.cache} {
		for _, body := range files {
			if _, err := goTUF(kindOf(body), body); errors.Is(err, errPanic) {
				return []string{panicsEarly}
			}
		}
	}
	for _, files := range []map[string][]byte{e.mirror, e.cache} {
		for _, body := range files {
			if nilInside(body) {
				return []string{panicsLate}
			}
		}
	}
	return nil
}

// withRoots is the cache with the library's roots added.
func (e evidence) withRoots(cache verifytest.Store) verifytest.Store {
	both := maps.Clone(cache)
	for name, data := range e.ourStore {
		if strings.HasSuffix(name, ".root.json") {
			both[name] = data
		}
	}
	return both
}

// choose tries all sets with that many deviations.
func (e evidence) choose(chosen []int, size, from int) []string {
	if len(chosen) == size {
		rules, ids := model.Plain(), []string{}
		for _, i := range chosen {
			deviations[i].rule(&rules)
			ids = append(ids, deviations[i].id)
		}
		if runModel(e.situation, e.cache, rules).equal(e.theirs) {
			return ids
		}
		return nil
	}
	for i := from; i < len(deviations); i++ {
		if ids := e.choose(append(chosen, i), size, i+1); ids != nil {
			return ids
		}
	}
	return nil
}
