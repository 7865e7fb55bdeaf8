package metadata

import (
	"iter"
	"slices"
	"strconv"
)

// Limits of map files. Each is far more than people write by hand.
const (
	maxMapBytes        = 1_000_000
	maxMapRepositories = 256
	maxMapEntries      = 4096
	// MaxEntryRepositories is how many repositories one entry of a map may
	// name.
	MaxEntryRepositories = 32
)

// Map is a map file of TAP 4: which repositories are asked for which target
// paths. It comes from the user, or from whoever installed the program, and
// never from a repository. It is immutable. The zero Map maps nothing, and is
// of no use.
type Map struct {
	repositories []mapRepository // in the order of their names
	entries      []MapEntry
}

type mapRepository struct {
	name string
	urls []string
}

// MapEntry is one entry of a map: whose word counts for target paths that one
// of the patterns matches.
type MapEntry struct {
	// Paths are the patterns, as those of delegations: package delegation
	// matches them.
	Paths []string
	// Repositories are the names of the repositories that are asked, in listed
	// order.
	Repositories []string
	// Threshold is how many of them must agree: at least 1, and at most all.
	Threshold int
	// Terminating says that a search which comes here must not go on to later
	// entries. Absent means false, as it does for delegations.
	Terminating bool
}

// Repositories yields the names of the repositories and the URLs listed for
// each, in the order of the names' bytes. A name may be any string at all: it
// is no path, and no name for a file.
func (m *Map) Repositories() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, r := range m.repositories {
			if !yield(r.name, slices.Clone(r.urls)) {
				return
			}
		}
	}
}

// Entries yields the entries in listed order, which is that of their priority.
// The slices are the caller's.
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

// ParseMap reads a map file (TAP 4 map). It is taken only if all of it makes
// sense: a threshold that cannot be reached, or a name that stands for no
// repository, would show too late. Members that TAP 4 does not have are
// ignored. Errors are *SyntaxError, with offsets in the canonical form of the
// file where they are not about its JSON.
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

// read takes the members from a document: the repositories first, since the
// entries name them.
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
	at, threshold := r.pos, 0 // where it stands
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
		default: // one letter wrong in "terminating" would open private names to others
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

// patterns reads the paths of an entry. One that no target's path matches would
// hand the names that it is meant for to a later entry.
func (r *reader) patterns() []string {
	at := r.pos
	list := r.someStrings(maxMapBytes)
	for i, p := range list {
		if p == "" || p[0] == '/' {
			r.fail(at, "%q, number %d of the list, matches no target: paths begin without a slash", shorten(p), i+1)
		}
	}
	return list
}

// mapNames reads the list of an entry's repositories: each is in the map, and
// none stands twice.
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

// someStrings reads an array of at least one string.
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

// count reads an integer from 1 to most. Numbers outside "signed" may have any
// form.
func (r *reader) count(most int) int {
	at := r.pos
	raw := r.raw()
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > most {
		r.fail(at, "found %s, want an integer from 1 to %d", shorten(raw), most)
	}
	return n
}
