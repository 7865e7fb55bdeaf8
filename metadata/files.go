package metadata

import "iter"

// MetaFile is what a timestamp or a snapshot lists for a metadata file (spec
// sections 4.4 and 4.5).
type MetaFile struct {
	// Version is the version that the file must have.
	Version int64
	// Length is the exact length in bytes, or -1 if none is listed.
	Length int64
	// Hashes are the digests of the file's bytes, if any are listed.
	Hashes Hashes
}

func (r *reader) fileInfo() MetaFile {
	at := r.pos
	f := MetaFile{Length: -1}
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

// Timestamp is the content of a timestamp file: it names the snapshot (spec
// section 4.5).
type Timestamp struct {
	Header
	snapshot MetaFile
}

// Snapshot returns what is listed for snapshot.json.
func (t *Timestamp) Snapshot() MetaFile { return t.snapshot }

func (r *reader) timestamp(t *Timestamp) {
	at := r.pos
	r.content(&t.Header, func(name string) {
		if name != "meta" {
			return
		}
		m := r.object()
		for m.next() {
			if m.name == "snapshot.json" { // it and nothing else
				t.snapshot = r.fileInfo()
			} else {
				r.fail(r.pos, "a timestamp lists snapshot.json only")
			}
		}
	})
	r.missing(at, "meta: snapshot.json", t.snapshot.Version != 0)
}

// Snapshot is the content of a snapshot file: the version of every targets file
// of the repository (spec section 4.4).
type Snapshot struct {
	Header
	files index
}

// File returns what is listed for a role, whose file is named role + ".json".
// It takes time logarithmic in the number of files.
func (s *Snapshot) File(role string) (MetaFile, bool) { return s.Listed(role + ".json") }

// Listed returns what is listed under a file name.
func (s *Snapshot) Listed(name string) (MetaFile, bool) {
	r, ok := s.files.find(name)
	if !ok {
		return MetaFile{}, false
	}
	return r.fileInfo(), true
}

// Files yields all listed file names ("targets.json") in the order of their
// bytes.
func (s *Snapshot) Files() iter.Seq2[string, MetaFile] {
	return func(yield func(string, MetaFile) bool) {
		for i := range s.files.at {
			name, r := s.files.name(i)
			if !yield(name, r.fileInfo()) {
				return
			}
		}
	}
}

// Change is a file that two snapshots do not list in the same words. What is
// not listed is the zero MetaFile.
type Change struct {
	Name     string
	Old, New MetaFile
}

// Changes yields the files that the older snapshot lists and the newer one
// lists otherwise, or not at all, in the order of their names' bytes. It goes
// through both side by side, and decodes only what differs.
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
			c := Change{Name: name, Old: r.fileInfo()}
			for ; j < len(b.at); j++ {
				n, r := b.name(j)
				if n == name {
					c.New = r.fileInfo()
				}
				if n > name {
					break
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
			s.files = r.indexed(func() { r.fileInfo() })
		}
	})
	if r.err == nil {
		_, ok := s.File(RoleTargets)
		r.missing(at, "meta: targets.json", ok)
	}
}
