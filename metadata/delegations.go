package metadata

import (
	"iter"
	"slices"
)

// Delegations are the roles that a targets role delegates to, and their keys.
// The roles are either a list in the order of their priority, or succinct hash
// bins (spec section 4.6, TAP 15).
type Delegations struct {
	text     string
	own      string // the part of the text that is theirs
	keys     index
	roles    []uint32 // positions of the listed roles in the text
	patterns beginnings
	prefixes beginnings
	succinct *SuccinctRoles
}

// DelegatedRole is one role of a list of delegations.
type DelegatedRole struct {
	Name string
	RoleKeys
	// Terminating says that a search which reaches this role must not go on to
	// later roles. It is false if the member is absent.
	Terminating bool

	paths, prefixes string // canonical text of the arrays, empty if absent
}

// Paths yields the path patterns of the delegation, in listed order.
func (d *DelegatedRole) Paths() iter.Seq[string] { return elements(d.paths) }

// PathHashPrefixes yields the path hash prefixes of the delegation, in listed
// order. They are lower-case hexadecimal.
func (d *DelegatedRole) PathHashPrefixes() iter.Seq[string] { return elements(d.prefixes) }

// Text returns the delegations in canonical form, as the file has them: two
// files with the same text delegate in the same way. It is part of the file's
// text in memory.
func (d *Delegations) Text() string { return d.own }

// Keys yields all keys that the file lists, in the order of their IDs.
func (d *Delegations) Keys() iter.Seq[Key] { return allKeys(&d.keys) }

// Key returns the key with the given ID. An ID has a meaning only in the file
// that lists it.
func (d *Delegations) Key(id string) (Key, bool) { return findKey(&d.keys, id) }

// Len returns the number of listed roles. It is 0 for succinct bins.
func (d *Delegations) Len() int { return len(d.roles) }

// At returns the role at position i of the list, counted from 0.
func (d *Delegations) At(i int) DelegatedRole {
	return roleAt(d.text, d.roles[i])
}

func roleAt(text string, at uint32) DelegatedRole {
	r := &reader{text: text, pos: int(at)}
	return r.delegation(nil)
}

// SuccinctRoles returns the succinct bins, or nil if the roles are listed. The
// caller owns the result.
func (d *Delegations) SuccinctRoles() *SuccinctRoles {
	if d.succinct == nil {
		return nil
	}
	s := *d.succinct
	return &s
}

// Matching yields the positions of the listed roles that a target path is
// delegated to, in listed order. A role matches if the digest of the path
// begins with one of its path hash prefixes, or if match returns true for one
// of its path patterns. A role with neither matches nothing. If match
// returns an error, that is the last to be yielded, with the position of the
// role whose pattern it is.
//
// The digest is the sha256 of the path in lower-case hexadecimal.
//
// Prefixes and patterns are found through an index. Match is called only for
// patterns with a beginning that the path has too, in listed order, until one
// of the role matches. The beginning of a pattern is what comes before its
// first * ? [ or character that JSON escapes. Finding them takes time linear in
// the length of the path and logarithmic in the number of patterns, and so
// does each step from one to the next.
func (d *Delegations) Matching(
	path, digest string, match func(pattern string) (bool, error),
) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		var few [8][]uint32
		runs := d.prefixes.find(digest, few[:0])
		prefixed := len(runs)
		runs = d.patterns.find(path, runs)
		for {
			first := firstOf(runs)
			if first < 0 {
				return
			}
			at := runs[first][0]
			runs[first] = runs[first][1:]
			matches, err := first < prefixed, error(nil)
			if !matches {
				matches, err = match(d.pattern(at))
			}
			if !matches && err == nil {
				continue
			}
			i := d.roleOf(at)
			if !yield(i, err) || err != nil || i+1 == len(d.roles) {
				return
			}
			for j, run := range runs { // the role's other patterns do not matter any more
				n, _ := slices.BinarySearch(run, d.roles[i+1])
				runs[j] = run[n:]
			}
		}
	}
}

// pattern returns the pattern that begins at a position, after its quote.
func (d *Delegations) pattern(at uint32) string {
	r := &reader{text: d.text, pos: int(at) - 1}
	return r.str()
}

// roleOf returns the position in the list of the role that a position in the
// text belongs to.
func (d *Delegations) roleOf(at uint32) int {
	i, _ := slices.BinarySearch(d.roles, at)
	return i - 1
}

func (r *reader) delegations() *Delegations {
	d := new(Delegations)
	at := r.pos
	keys, roles := false, false
	m := r.object()
	for m.next() {
		switch m.name {
		case "keys":
			keys, d.keys = true, r.keys()
		case "roles":
			roles = true
			d.list(r)
		case "succinct_roles":
			d.succinct = r.succinct()
		}
	}
	if r.err == nil {
		d.own = r.text[at:r.pos]
	}
	r.missing(at, "keys", keys)
	if r.err == nil && roles == (d.succinct != nil) { // R-T15.3
		r.fail(at, "want either roles or succinct_roles")
	}
	if r.err != nil {
		return nil
	}
	return d
}

// list reads the list of roles and indexes it for Matching.
func (d *Delegations) list(r *reader) {
	at := r.pos
	last, ascending := "", true
	e := r.array()
	for e.next() { // in listed order
		name := r.delegation(d).Name
		if r.err != nil {
			continue
		}
		ascending = ascending && last < name
		last = name
		d.roles = append(d.roles, uint32(e.value))
		if e.i == 0 { // most lists have roles of about the same length
			n := (len(r.text) - e.value) / (r.pos - e.value)
			d.roles = slices.Grow(d.roles, n)
			d.patterns.grow(n)
			d.prefixes.grow(n)
		}
	}
	if r.err != nil {
		return
	}
	d.text, d.patterns.text, d.prefixes.text = r.text, r.text, r.text
	d.patterns.sort()
	d.prefixes.sort()
	if ascending {
		return
	}
	// no role is listed twice.
	if name, ok := duplicate(d.roles, func(role uint32) string { return roleAt(r.text, role).Name }); ok {
		r.fail(at, "role %q is listed twice", shorten(name))
	}
}

// delegation reads a role of the list. It also adds the role's patterns or
// prefixes to the indexes of the delegations, unless they are nil.
func (r *reader) delegation(to *Delegations) (d DelegatedRole) {
	var patterns, prefixes *beginnings
	if to != nil {
		patterns, prefixes = &to.patterns, &to.prefixes
	}
	at := r.pos
	found := false
	m := r.object()
	for m.next() {
		switch m.name {
		case "name":
			found, d.Name = true, r.roleName()
		case "terminating":
			d.Terminating = r.boolean()
		case "paths":
			d.paths = r.strings(patterns)
		case "path_hash_prefixes":
			d.prefixes = r.prefixes(prefixes)
		default:
			r.roleKeysMember(&d.RoleKeys, m.name)
		}
	}
	r.missing(at, "name", found)
	r.needRoleKeys(at, d.RoleKeys)
	if d.paths != "" && d.prefixes != "" {
		r.fail(at, "want at most one of paths and path_hash_prefixes")
	}
	return d
}

// roleName reads the name of a delegated role.
//
// it is not empty and not the name of a top-level role.
func (r *reader) roleName() string {
	at := r.pos
	name := r.str()
	switch name {
	case "", RoleRoot, RoleTimestamp, RoleSnapshot, RoleTargets, "mirrors":
		r.fail(at, "a delegated role cannot have the name %q", name)
	}
	return name
}

// strings reads an array of strings, adds them to an index, and returns the
// text of the array.
func (r *reader) strings(x *beginnings) string {
	start := r.pos
	e := r.array()
	for e.next() {
		r.str()
		x.add(e.value)
	}
	if r.err != nil {
		return ""
	}
	return r.text[start:r.pos]
}

// prefixes reads an array of path hash prefixes as strings does.
func (r *reader) prefixes(x *beginnings) string {
	start := r.pos
	e := r.array()
	for e.next() {
		if s := r.str(); !isPrefix(s) {
			r.fail(e.value, "found %q, want 0 to 64 lower-case hexadecimal digits", shorten(s))
		}
		x.add(e.value)
	}
	if r.err != nil {
		return ""
	}
	return r.text[start:r.pos]
}

// isPrefix reports whether a string is a path hash prefix.
//
// path hash prefixes are lower-case hexadecimal, 0 to 64 digits.
func isPrefix(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) <= digestDigits
}

// digestDigits is the number of hexadecimal digits in a sha256 digest.
const digestDigits = 64
