package metadata

import (
	"iter"
	"strconv"
	"strings"
)

// MetaFile is the entry of a metadata file in a timestamp or a snapshot (spec
// sections 4.4 and 4.5).
type MetaFile struct {
	// Version is the version that the file must have.
	Version int64
	// Length is the exact length in bytes, or -1 if none is listed.
	Length int64
	// Hashes are the digests of the file's bytes. They may be absent.
	Hashes Hashes
}

func (r *reader) metaFile() MetaFile {
	at := r.pos
	// length and hashes may be absent.
	f := MetaFile{Length: -1}
	if version, ok := r.versionAlone(); ok {
		f.Version = version
		return f
	}
	m := r.object()
	for m.next() {
		switch m.name {
		case "version":
			f.Version = r.integer(1)
		case "length":
			f.Length = r.integer(0)
		case "hashes":
			f.Hashes = r.hashes()
		}
	}
	r.missing(at, "version", f.Version != 0)
	return f
}

// versionAlone reads an entry that is a version and nothing else, as most are
// in a large snapshot. It reads nothing if the entry is another one, or wrong.
func (r *reader) versionAlone() (version int64, ok bool) {
	const before = `{"version":`
	if r.err != nil || !strings.HasPrefix(r.text[r.pos:], before) {
		return 0, false
	}
	at := r.pos + len(before)
	end := at
	for '0' <= r.text[end] && r.text[end] <= '9' {
		end++
	}
	version, err := strconv.ParseInt(r.text[at:end], 10, 64)
	if err != nil || version < 1 || r.text[end] != '}' {
		return 0, false
	}
	r.pos = end + 1
	return version, true
}

// Timestamp is the content of a timestamp file. It names the snapshot (spec
// section 4.5).
type Timestamp struct {
	Header
	snapshot MetaFile
}

// Snapshot returns the entry of snapshot.json.
func (t *Timestamp) Snapshot() MetaFile { return t.snapshot }

func (r *reader) timestamp(t *Timestamp) {
	at := r.pos
	r.content(&t.Header, func(name string) {
		if name != "meta" {
			return
		}
		m := r.object()
		for m.next() {
			if m.name == "snapshot.json" { // no other name
				t.snapshot = r.metaFile()
			} else {
				r.fail(r.pos, "a timestamp lists snapshot.json only")
			}
		}
	})
	r.missing(at, "meta: snapshot.json", t.snapshot.Version != 0)
}

// Snapshot is the content of a snapshot file. It lists the version of every
// targets file of the repository (spec section 4.4).
type Snapshot struct {
	Header
	files index
}

// File returns the entry of a role, which is listed as role + ".json". The role
// is given as it is named, without escaping. It takes time logarithmic in the
// number of files.
func (s *Snapshot) File(role string) (MetaFile, bool) { return s.listed(role + ".json") }

// listed returns the entry with the given name.
func (s *Snapshot) listed(name string) (MetaFile, bool) {
	r, ok := s.files.find(name)
	if !ok {
		return MetaFile{}, false
	}
	return r.metaFile(), true
}

// Files yields all entries and their names ("targets.json"). The order is that
// of the names' bytes.
func (s *Snapshot) Files() iter.Seq2[string, MetaFile] {
	return func(yield func(string, MetaFile) bool) {
		for i := range s.files.at {
			name, r := s.files.name(i)
			if !yield(name, r.metaFile()) {
				return
			}
		}
	}
}

// Change is a difference between two snapshots in the entry of one file.
type Change struct {
	// Name is the name of the entry, such as "targets.json".
	Name string
	// Old and New are the entries in the two snapshots. The zero MetaFile means
	// that the file is not listed.
	Old, New MetaFile
}

// Changes yields the entries of the older snapshot that are different in the
// newer one, or absent from it. It does not yield entries that only the newer
// one has. The order is that of the names' bytes.
//
// It reads both snapshots once and decodes only the entries that differ.
func Changes(older, newer *Snapshot) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		a, b := &older.files, &newer.files
		j := 0
		for i := range a.at {
			if j < len(b.at) && a.raw(i) == b.raw(j) {
				j++
				continue
			}
			name, r := a.name(i)
			c := Change{Name: name, Old: r.metaFile()}
			for ; j < len(b.at); j++ {
				order := compareQuoted(name, b.text[b.at[j]+1:])
				if order < 0 {
					break
				}
				if order == 0 {
					_, r := b.name(j)
					c.New = r.metaFile()
				}
			}
			if c.Old != c.New && !yield(c) {
				return
			}
		}
	}
}

func (r *reader) snapshot(s *Snapshot) {
	at := r.pos
	r.content(&s.Header, func(name string) {
		if name == "meta" {
			s.files = r.indexed(func() { r.metaFile() })
		}
	})
	if r.err == nil {
		_, ok := s.File(RoleTargets)
		r.missing(at, "meta: targets.json", ok)
	}
}
