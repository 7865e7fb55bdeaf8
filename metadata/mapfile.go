package metadata

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Limits of map files. Each is far more than a map written by hand needs.
const (
	maxMapBytes        = 1_000_000
	maxMapRepositories = 256
	maxMapEntries      = 4096
)

// MaxEntryRepositories is the maximum number of repositories in one entry of a
// map.
const MaxEntryRepositories = 32

// Map is a map file of TAP 4. It says which repositories to ask for which
// target paths. It comes from the user or from the installer of the program,
// and never from a repository. It is immutable. The zero Map has no entries.
type Map struct {
	repositories []mapRepository // ordered by name
	entries      []MapEntry
}

type mapRepository struct {
	name string
	urls []string
}

// MapEntry is one entry of a map. It says which repositories to ask for the
// target paths that match one of its patterns.
type MapEntry struct {
	// Paths are the patterns. They have the syntax of the patterns of
	// delegations, which package delegation matches.
	Paths []string
	// Repositories are the names of the repositories to ask, in listed order.
	Repositories []string
	// Threshold is the number of repositories that must agree. It is at least
	// 1 and at most the number of repositories.
	Threshold int
	// Terminating says that a search which reaches this entry must not go on to
	// later entries. It is false if the member is absent, as in delegations.
	Terminating bool
}

// Repositories yields the names of the repositories and the URLs listed for
// each, in the order of the names' bytes. A name may be any string. It must not
// be used as a path or a file name. The caller owns the slices.
func (m *Map) Repositories() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, r := range m.repositories {
			if !yield(r.name, slices.Clone(r.urls)) {
				return
			}
		}
	}
}

// Entries yields the entries and their positions in listed order, which is the
// order of their priority. The caller owns the slices.
func (m *Map) Entries() iter.Seq2[int, MapEntry] {
	return func(yield func(int, MapEntry) bool) {
		for i, e := range m.entries {
			e.Paths, e.Repositories = slices.Clone(e.Paths), slices.Clone(e.Repositories)
			if !yield(i, e) {
				return
			}
		}
	}
}

// ParseMap reads a map file (TAP 4 map). It refuses the whole file if a
// threshold cannot be reached or a name is not that of a listed repository,
// because a search would find that too late. It ignores members of the document
// that TAP 4 does not define, and refuses such members of an entry.
//
// Errors are *SyntaxError. Offsets are positions in the file for errors about
// JSON, and positions in its canonical form for all others.
func ParseMap(data []byte) (*Map, error) {
	if len(data) > maxMapBytes {
		return nil, &SyntaxError{Offset: maxMapBytes, Reason: "the map is too long"}
	}
	doc, err := canonicalize(data, defaultDepth)
	if err != nil {
		return nil, err
	}
	m := new(Map)
	if err := m.read(doc); err != nil {
		return nil, err
	}
	return m, nil
}

// read reads the members of a document. It reads the repositories first,
// because the entries refer to them.
func (m *Map) read(doc *scanner) *SyntaxError {
	r := &reader{text: string(doc.out[:1])}
	r.expect('{', "an object")
	for _, part := range []struct {
		name string
		read func(*reader)
	}{{"repositories", m.readRepositories}, {"mapping", m.readEntries}} {
		found := false
		for i := range doc.top {
			name, at, value := doc.member(i)
			if string(name) != part.name {
				continue
			}
			found = true
			r := &reader{text: string(value), plain: !doc.escaped}
			if part.read(r); r.err != nil {
				return r.after(at).within(part.name)
			}
		}
		r.missing(0, part.name, found)
	}
	return r.err
}

func (m *Map) readRepositories(r *reader) {
	o := r.object()
	for n := 0; o.next(); n++ {
		if n >= maxMapRepositories {
			r.fail(o.at, "more than %d repositories", maxMapRepositories)
			return
		}
		m.repositories = append(m.repositories, mapRepository{o.name, r.someStrings(maxMapEntries)})
	}
	if len(m.repositories) == 0 {
		r.fail(0, "there are no repositories")
	}
}

func (m *Map) readEntries(r *reader) {
	e := r.array()
	for e.next() {
		if e.i >= maxMapEntries {
			r.fail(e.value, "more than %d entries", maxMapEntries)
			return
		}
		m.entries = append(m.entries, r.mapEntry(m))
	}
	if len(m.entries) == 0 {
		r.fail(0, "there are no entries")
	}
}

func (r *reader) mapEntry(m *Map) (entry MapEntry) {
	at, threshold := r.pos, 0 // threshold is the position of that member
	o := r.object()
	for o.next() {
		switch o.name {
		case "paths":
			entry.Paths = r.patterns()
		case "repositories":
			entry.Repositories = r.mapNames(m)
		case "threshold":
			threshold = r.pos
			entry.Threshold = r.count(MaxEntryRepositories)
		case "terminating":
			entry.Terminating = r.boolean()
		default: // a misspelt "terminating" would send private names to other repositories
			r.fail(o.at, "an entry has no such member")
		}
	}
	r.missing(at, "paths", entry.Paths != nil)
	r.missing(at, "repositories", entry.Repositories != nil)
	r.missing(at, "threshold", threshold != 0)
	if most := len(entry.Repositories); entry.Threshold > most {
		r.fail(threshold, "a threshold of %d out of %d repositories", entry.Threshold, most)
	}
	return entry
}

// patterns reads the paths of an entry. It refuses a pattern that matches no
// target which a client could fetch, or that looks as if it matched more than
// it does: a later entry would then get the paths that it was meant for.
func (r *reader) patterns() []string {
	at := r.pos
	list := r.someStrings(maxMapBytes)
	for i, p := range list {
		if reason := oddPattern(p); reason != "" {
			r.fail(at, "%q, number %d of the list, %s", shorten(p), i+1, reason)
		}
	}
	return list
}

// oddPattern says what is wrong with a pattern, if anything is.
func oddPattern(p string) string {
	for segment := range strings.SplitSeq(p, "/") {
		switch {
		case segment == "":
			return "matches no file: its path would have an empty segment"
		case segment == "." || segment == "..":
			return "matches no file: no segment of a path is . or .."
		case strings.Contains(segment, "**"):
			return "looks as if it matched any depth: * does not match a slash, so give a pattern for each depth"
		}
	}
	if strings.Contains(p, `\`) {
		return `matches no file: \ is an ordinary character, and no path may have it`
	}
	return ""
}

// mapNames reads the repositories of an entry. Each must be in the map, and
// none may occur twice.
func (r *reader) mapNames(m *Map) (names []string) {
	at := r.pos
	names = r.someStrings(MaxEntryRepositories)
	for i, name := range names {
		if _, ok := slices.BinarySearchFunc(m.repositories, name, mapRepository.compare); !ok {
			r.fail(at, "%q, number %d of the list, is not among the repositories", shorten(name), i+1)
		}
	}
	if name, ok := duplicate(names, func(s string) string { return s }); ok {
		r.fail(at, "%q is listed twice", shorten(name))
	}
	return names
}

func (r mapRepository) compare(name string) int {
	switch {
	case r.name < name:
		return -1
	case r.name > name:
		return 1
	}
	return 0
}

// someStrings reads an array of 1 to most strings.
func (r *reader) someStrings(most int) (list []string) {
	at := r.pos
	e := r.array()
	for e.next() {
		if e.i >= most {
			r.fail(e.value, "more than %d elements", most)
			return list
		}
		list = append(list, r.str())
	}
	if len(list) == 0 {
		r.fail(at, "the list is empty")
	}
	return list
}

// count reads an integer from 1 to most. The scanner accepts any JSON number
// outside "signed".
func (r *reader) count(most int) int {
	at := r.pos
	raw := r.raw()
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > most {
		r.fail(at, "found %s, want an integer from 1 to %d", Printable(shorten(raw)), most)
	}
	return n
}
