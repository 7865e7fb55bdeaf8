package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A story is a vector while it is told: a repository, and what a correct client
// trusts so far. Its outcomes are told by the one who writes the vector, not by
// a client.
type story struct {
	*verifytest.Repo
	v       *vector
	files   map[string][]byte // by sha256, of all vectors
	seed    string
	trusted map[string]int64
	have    map[string]string // sha256 of what is downloaded, by path

	now     string           // of the next steps
	mirror  verifytest.Files // metadata; nil: the repository's
	hosted  verifytest.Files // targets; nil: the repository's
	status  map[string]int
	endless []string
}

// start is when the repositories' clocks start: no file expires for a client
// that reads the real time, unless a vector says so.
var start = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// begin makes the repository.
func (s *story) begin(o verifytest.Options) *story {
	o.Seed = s.seed
	if o.Start.IsZero() {
		o.Start = start
	}
	s.Repo = verifytest.New(o)
	s.trust(s.TrustedRoot())
	return s
}

// trust gives the client its trusted root.
func (s *story) trust(root []byte) {
	s.v.TrustedRoot = s.file(root)
	s.trusted = map[string]int64{"root": 1, "timestamp": 0, "snapshot": 0, "targets": 0}
}

// usual makes a repository with targets at the top, in the delegated role team,
// and in inner, to which team delegates.
func (s *story) usual() *story { return s.usualWith(verifytest.Options{}) }

func (s *story) usualWith(o verifytest.Options) *story {
	s.begin(o)
	s.Targets().AddTarget("top.txt", []byte("top 1"))
	team := s.delegate(s.Targets(), "team", "team/*", "team/inner/*")
	team.AddTarget("team/app.txt", []byte("team 1"))
	inner := s.delegate(team, "inner", "team/inner/*")
	inner.AddTarget("team/inner/app.txt", []byte("inner 1"))
	s.Publish()
	return s
}

func (s *story) delegate(from *verifytest.Role, name string, paths ...string) *verifytest.Role {
	return from.Delegate(verifytest.Delegation{Name: name, Paths: paths})
}

// needs notes what a client must offer.
func (s *story) needs(what ...string) { s.v.Needs = append(s.v.Needs, what...) }

// at sets the time of the next steps.
func (s *story) at(t time.Time) {
	if !slices.Contains(s.v.Needs, needsClock) {
		s.needs(needsClock)
	}
	s.now = t.UTC().Format(time.RFC3339)
}

// freeze has the mirror serve what it has now, from now on.
func (s *story) freeze() {
	s.mirror, s.hosted = s.Metadata().Clone(), s.TargetFiles().Clone()
}

// thaw has the mirror serve the repository again, honestly.
func (s *story) thaw() { s.mirror, s.hosted, s.status, s.endless = nil, nil, nil, nil }

// lie changes the mirror's metadata.
func (s *story) lie(f func(m verifytest.Files)) {
	if s.mirror == nil {
		s.mirror = s.Metadata().Clone()
	}
	f(s.mirror)
}

// lieTargets changes the mirror's target files.
func (s *story) lieTargets(f func(m verifytest.Files)) {
	if s.hosted == nil {
		s.hosted = s.TargetFiles().Clone()
	}
	f(s.hosted)
}

// answer has the mirror answer a request for a path with a status of HTTP.
func (s *story) answer(status int, path string) { s.status = map[string]int{path: status} }

// ok is a refresh that succeeds.
func (s *story) ok() { s.step(nil, s.all(), nil) }

// get downloads a target.
func (s *story) get(path, content string) {
	s.step([]string{path}, s.all(), map[string]string{path: content})
}

// refused is a refresh that fails at a top-level role.
func (s *story) refused(role string) { s.step(nil, s.before(role), nil) }

// notGot is a download that fails after the refresh.
func (s *story) notGot(path string) {
	s.step([]string{path}, s.all(), nil)
	s.last().Success = false
}

// refusedAt is a download that fails at a role: a top-level one, or else after
// the refresh.
func (s *story) refusedAt(role, path string) {
	s.step([]string{path}, s.before(role), nil)
	s.last().Success = false
}

// all are the newest versions.
func (s *story) all() outcome {
	o := outcome{Success: true, Versions: map[string]int64{}}
	for _, role := range topLevel {
		o.Versions[role] = s.Version(role)
	}
	return o
}

// before are the newest versions of the roles before the named one. The others
// are as before.
func (s *story) before(refused string) outcome {
	o := outcome{Versions: maps.Clone(s.trusted)}
	for _, role := range topLevel {
		if role == refused {
			break
		}
		o.Versions[role] = s.Version(role)
	}
	return o
}

// step adds a run of the client.
func (s *story) step(paths []string, o outcome, got map[string]string) {
	have := maps.Clone(s.have)
	if have == nil {
		have = map[string]string{}
	}
	for path, content := range got {
		have[path] = digest([]byte(content))
	}
	o.Files = list(have)
	next := step{
		Time: s.now, Targets: paths, Served: s.serve(), Status: s.status,
		Endless: slices.Sorted(slices.Values(s.endless)), // the order of a map would be another one each time
	}
	next.Expect = []outcome{o}
	s.v.Steps = append(s.v.Steps, next)
	s.have, s.trusted = have, maps.Clone(o.Versions)
}

func list(have map[string]string) []string {
	files := slices.Sorted(maps.Values(have))
	return append([]string{}, slices.Compact(files)...)
}

// last is the expected outcome of the last step.
func (s *story) last() *outcome { return &s.v.Steps[len(s.v.Steps)-1].Expect[0] }

// ends says which versions the client trusts after the last step: of root,
// timestamp, snapshot and targets. Below 0 is any.
func (s *story) ends(versions ...int64) {
	o := s.last()
	o.Versions = map[string]int64{}
	for i, version := range versions {
		if version >= 0 {
			o.Versions[topLevel[i]] = version
		}
	}
	s.trusted = maps.Clone(o.Versions)
}

// orAccept says that the client of the last step may also accept everything,
// and that it then has these contents in its target directory: as in get, a
// path and a content after each other.
func (s *story) orAccept(why string, got ...string) {
	o := s.all()
	have := maps.Clone(s.have)
	for i := 0; i < len(got); i += 2 {
		have[got[i]] = digest([]byte(got[i+1]))
	}
	o.Files = list(have)
	s.or(why, o)
}

// orRefuse says that the client of the last step, which must not have been the
// first to download something, may also fail at a role, or at a delegated one.
func (s *story) orRefuse(why, role string) {
	o := s.all()
	o.Success = false
	i := slices.Index(topLevel, role)
	for j := range topLevel {
		if i >= 0 && j >= i {
			delete(o.Versions, topLevel[j])
		}
	}
	o.Files = s.filesBefore()
	s.or(why, o)
}

// filesBefore are the files after the step before the last one.
func (s *story) filesBefore() []string {
	if n := len(s.v.Steps); n > 1 {
		return s.v.Steps[n-2].Expect[0].Files
	}
	return []string{}
}

func (s *story) or(why string, o outcome) {
	end := &s.v.Steps[len(s.v.Steps)-1]
	end.Expect = append(end.Expect, o)
	s.v.Choice = why
}

// serve notes what the mirror serves now.
func (s *story) serve() map[string]string {
	served := map[string]string{}
	metadata, targets := s.mirror, s.hosted
	if metadata == nil {
		metadata = s.Metadata()
	}
	if targets == nil {
		targets = s.TargetFiles()
	}
	for name, data := range metadata {
		served["metadata/"+name] = s.file(data)
	}
	for name, data := range targets {
		served["targets/"+name] = s.file(data)
	}
	return served
}

// file adds a file to those of all vectors.
func (s *story) file(data []byte) string {
	sum := digest(data)
	if _, ok := s.files[sum]; !ok {
		s.files[sum] = slices.Clone(data)
	}
	return sum
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// A book has all vectors and their files.
type book struct {
	vectors []*vector
	files   map[string][]byte
	seed    string
}

// tell adds a vector. Its name begins with its topic, and requirements are
// separated by spaces.
func (b *book) tell(topic, name, requirements, why string, do func(s *story)) {
	v := &vector{
		Name: topic + "-" + name, Topic: topic, Requirements: strings.Fields(requirements), Why: why,
	}
	s := &story{v: v, files: b.files, seed: b.seed + "/" + v.Name}
	do(s)
	if len(v.Steps) == 0 {
		panic(fmt.Sprintf("vectors: %s has no steps", v.Name))
	}
	b.vectors = append(b.vectors, v)
}

// write makes all vectors. The same seed makes the same ones.
func write(seed string) *book {
	b := &book{files: map[string][]byte{}, seed: seed}
	for _, chapter := range []func(){
		b.honest, b.forgedFiles, b.brokenFiles, b.toleratedFiles,
		b.roots, b.rotations, b.keys, b.rollbacks, b.listings, b.answers,
		b.targetFiles, b.delegations, b.patterns, b.bins, b.succinct, b.names,
		b.clock, b.dsse, b.mldsa,
	} {
		chapter()
	}
	return b
}
