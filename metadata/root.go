package metadata

import (
	"iter"
	"slices"
)

// RoleKeys are the signatures that a role needs: those of a threshold of keys
// out of a list of key IDs.
type RoleKeys struct {
	threshold int64
	keyIDs    string // canonical text of the array
}

// Threshold returns the number of distinct keys that must sign. It is at least
// 1, or 0 for the zero value, which no file satisfies. It may be more than the
// number of keys, and then no file satisfies it either.
func (s RoleKeys) Threshold() int64 { return s.threshold }

// KeyIDs yields the key IDs in listed order. No ID occurs twice.
func (s RoleKeys) KeyIDs() iter.Seq[string] { return elements(s.keyIDs) }

// elements yields the strings of an array, given as canonical text.
func elements(array string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if array == "" {
			return
		}
		r := &reader{text: array}
		e := r.array()
		for e.next() {
			if !yield(r.str()) {
				return
			}
		}
	}
}

// roleKeysMember reads a member of a role that belongs to its RoleKeys, and
// reports whether name is one.
func (r *reader) roleKeysMember(s *RoleKeys, name string) bool {
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

func (r *reader) needRoleKeys(at int, s RoleKeys) {
	r.missing(at, "threshold", s.threshold != 0)
	r.missing(at, "keyids", s.keyIDs != "")
}

// maxKeyIDs limits the keys of a role. By default, no file has more signatures.
const maxKeyIDs = defaultSignatures

// keyIDs reads a list of key IDs. No ID may occur twice, because it would be
// unclear whether to count it once or twice (docs/decisions.md, "Key IDs are
// opaque").
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
	// ConsistentSnapshot says whether the file names of the repository contain
	// versions or hashes. It is false if the member is absent.
	ConsistentSnapshot bool

	keys                                               index
	rootRole, timestampRole, snapshotRole, targetsRole RoleKeys
}

// Role returns the signatures that one of the four top-level roles needs. It
// returns false for any other name.
func (r *Root) Role(name string) (RoleKeys, bool) {
	if s := r.roleKeys(name); s != nil {
		return *s, s.threshold > 0
	}
	return RoleKeys{}, false
}

func (r *Root) roleKeys(name string) *RoleKeys {
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
		// it stays false if the member is absent.
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
		r.missing(at, "roles: "+name, root.roleKeys(name).threshold > 0)
	}
}

// topLevel reads the four roles and skips others, such as mirrors.
func (r *reader) topLevel(root *Root) {
	m := r.object()
	for m.next() {
		s := root.roleKeys(m.name)
		if s == nil {
			continue
		}
		at := r.pos
		m := r.object()
		for m.next() {
			r.roleKeysMember(s, m.name)
		}
		r.needRoleKeys(at, *s)
	}
}
