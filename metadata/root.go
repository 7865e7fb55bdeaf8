package metadata

import (
	"iter"
	"slices"
)

// Signers says whose signatures a role needs: a threshold out of a list of key
// IDs.
type RoleKeys struct {
	threshold int64
	keyIDs    string // canonical text of the array
}

// Threshold returns how many distinct keys must sign: at least 1, and 0 for the
// zero value, which nothing satisfies. It may be more than there are keys; then
// nothing satisfies it either.
func (s RoleKeys) Threshold() int64 { return s.threshold }

// KeyIDs yields the key IDs in listed order. No ID stands twice.
func (s RoleKeys) KeyIDs() iter.Seq[string] { return elements(s.keyIDs) }

// elements yields the strings in the canonical text of an array.
func elements(array string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if array != "" {
			yieldElements(array, 0, yield)
		}
	}
}

// elementsAt yields the strings of an array that stands in a text; at 0, where
// none can stand, there are none.
func elementsAt(text string, at uint32) iter.Seq[string] {
	return func(yield func(string) bool) {
		if at != 0 {
			yieldElements(text, at, yield)
		}
	}
}

func yieldElements(text string, at uint32, yield func(string) bool) {
	r := &reader{text: text, pos: int(at)}
	e := r.array()
	for e.next() {
		if !yield(r.str()) {
			return
		}
	}
}

// signerMember reads the members that say who signs, and says whether name was
// one of them.
func (r *reader) signerMember(s *RoleKeys, name string) bool {
	switch name {
	case "threshold":
		s.threshold = r.integer(1)
	case "keyids":
		s.keyIDs = r.keyIDs()
	default:
		return false
	}
	return true
}

func (r *reader) needSigners(at int, s RoleKeys) {
	r.missing(at, "threshold", s.threshold != 0)
	r.missing(at, "keyids", s.keyIDs != "")
}

// maxKeyIDs bounds the keys of a role: no file has more signatures, by default.
const maxKeyIDs = defaultSignatures

// keyIDs reads a list of key IDs, in which none may stand twice (decision 13:
// counted once or twice, it is ambiguous).
func (r *reader) keyIDs() string {
	at := r.pos
	var few [8]string
	ids := few[:0]
	e := r.array()
	for e.next() {
		if e.i == maxKeyIDs {
			r.fail(r.pos, "more than %d key IDs", maxKeyIDs)
			break
		}
		ids = append(ids, r.str())
	}
	if len(ids) > 1 {
		slices.Sort(ids)
		for i := 1; i < len(ids); i++ {
			if ids[i] == ids[i-1] {
				r.fail(at, "key ID %q is listed twice", shorten(ids[i]))
			}
		}
	}
	if r.err != nil {
		return ""
	}
	return r.text[at:r.pos]
}

// Root is the content of a root file: the keys of the top-level roles (spec
// section 4.3).
type Root struct {
	Header
	// ConsistentSnapshot says whether the repository's files carry their
	// versions or hashes in their names. Absent in the file means false
	//
	ConsistentSnapshot bool

	keys                                               index
	rootRole, timestampRole, snapshotRole, targetsRole RoleKeys
}

// Role returns whose signatures one of the four top-level roles needs. Other
// names give the zero value, false.
func (r *Root) Role(name string) (RoleKeys, bool) {
	if s := r.signers(name); s != nil {
		return *s, s.threshold > 0
	}
	return RoleKeys{}, false
}

func (r *Root) signers(name string) *RoleKeys {
	switch name {
	case RoleRoot:
		return &r.rootRole
	case RoleTimestamp:
		return &r.timestampRole
	case RoleSnapshot:
		return &r.snapshotRole
	case RoleTargets:
		return &r.targetsRole
	}
	return nil
}

// Keys yields all keys that the file lists, in the order of their IDs.
func (r *Root) Keys() iter.Seq[Key] { return allKeys(&r.keys) }

// Key returns the key with the given ID.
func (r *Root) Key(id string) (Key, bool) { return findKey(&r.keys, id) }

func (r *reader) root(root *Root) {
	at := r.pos
	keys := false
	r.content(&root.Header, func(name string) {
		switch name {
		case "consistent_snapshot":
			root.ConsistentSnapshot = r.boolean()
		case "keys":
			keys, root.keys = true, r.keys()
		case "roles":
			r.topLevel(root)
		}
	})
	r.missing(at, "keys", keys)
	for _, name := range []string{RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets} {
		r.missing(at, "roles: "+name, root.signers(name).threshold > 0)
	}
}

// topLevel reads the four roles, and skips others such as mirrors.
func (r *reader) topLevel(root *Root) {
	m := r.object()
	for m.next() {
		s := root.signers(m.name)
		if s == nil {
			continue
		}
		at := r.pos
		m := r.object()
		for m.next() {
			r.signerMember(s, m.name)
		}
		r.needSigners(at, *s)
	}
}
