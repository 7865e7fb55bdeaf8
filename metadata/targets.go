package metadata

import "iter"

// TargetFile is the entry of one target file in a targets file (spec section
// 4.6).
type TargetFile struct {
	// Length is the exact length in bytes.
	Length int64
	// Hashes are the digests of the file's bytes. There is at least one.
	Hashes Hashes

	custom string
}

// Custom returns the member "custom" as JSON, if there is one. It is an object
// that this package does not interpret. The caller owns the bytes.
func (t TargetFile) Custom() ([]byte, bool) {
	if t.custom == "" {
		return nil, false
	}
	return standardJSON(t.custom), true
}

func (r *reader) targetFile() TargetFile {
	at := r.pos
	t := TargetFile{Length: -1}
	m := r.object()
	for m.next() {
		switch m.name {
		case "length":
			t.Length = r.integer(0)
		case "hashes":
			start := r.pos
			if t.Hashes = r.hashes(); t.Hashes.text == "{}" {
				r.fail(start, "a target needs a hash")
			}
		case "custom":
			if r.expect('{', "an object") {
				t.custom = r.raw()
			}
		}
	}
	r.missing(at, "length", t.Length >= 0)
	r.missing(at, "hashes", t.Hashes.Listed())
	return t
}

// Targets is the content of the file of the top-level role targets or of a
// delegated role (spec section 4.6).
type Targets struct {
	Header
	files       index
	delegations *Delegations
}

// File returns the entry of a target path, compared byte by byte. It takes time
// logarithmic in the number of files.
func (t *Targets) File(path string) (TargetFile, bool) {
	r, ok := t.files.find(path)
	if !ok {
		return TargetFile{}, false
	}
	return r.targetFile(), true
}

// Files yields the entries and paths of all listed targets, in the order of the
// paths' bytes. A role may list paths that it is not trusted for: only a search
// along the delegations (package delegation) shows which role to trust.
func (t *Targets) Files() iter.Seq2[string, TargetFile] {
	return func(yield func(string, TargetFile) bool) {
		for i := range t.files.at {
			path, r := t.files.name(i)
			if !yield(path, r.targetFile()) {
				return
			}
		}
	}
}

// Delegations returns the roles that this one delegates to, or nil.
func (t *Targets) Delegations() *Delegations { return t.delegations }

func (r *reader) targets(t *Targets) {
	at := r.pos
	targets := false
	r.content(&t.Header, func(name string) {
		switch name {
		case "targets":
			targets, t.files = true, r.indexed(func() { r.targetFile() })
		case "delegations":
			t.delegations = r.delegations()
		}
	})
	r.missing(at, "targets", targets)
}
