package metadata

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Delegations are the roles that a targets role delegates to, and their keys.
// The roles are either a list in the order of their priority, or succinct hash
// bins (spec section 4.6, TAP 15).
type Delegations struct {
	text      string
	keys      index
	roles     []listedRole
	patterned []int // positions of the roles with path patterns, ascending
	prefixes  prefixIndex
	succinct  *SuccinctRoles
}

// listedRole is the position of a role of the list in the text. It is small
// because a list may be very long.
type listedRole struct {
	object uint32
	paths  uint32 // 0 if absent
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

// Keys yields all keys that the file lists, in the order of their IDs.
func (d *Delegations) Keys() iter.Seq[Key] { return allKeys(&d.keys) }

// Key returns the key with the given ID. An ID has a meaning only in the file
// that lists it.
func (d *Delegations) Key(id string) (Key, bool) { return findKey(&d.keys, id) }

// Len returns the number of listed roles. It is 0 for succinct bins.
func (d *Delegations) Len() int { return len(d.roles) }

// At returns the role at position i of the list, counted from 0.
func (d *Delegations) At(i int) DelegatedRole {
	r := &reader{text: d.text, pos: int(d.roles[i].object)}
	return r.delegation(new(listedRole), nil)
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
// of its path patterns. A role with neither matches nothing.
//
// The digest is the sha256 of the path in lower-case hexadecimal.
//
// Matching takes time linear in the number of roles with patterns, and
// logarithmic in the number of prefixes.
func (d *Delegations) Matching(digest string, match func(pattern string) bool) iter.Seq[int] {
	return func(yield func(int) bool) {
		prefixed := d.prefixes.find(digest)
		for _, i := range d.patterned {
			n, _ := slices.BinarySearch(prefixed, i)
			for _, earlier := range prefixed[:n] {
				if !yield(earlier) {
					return
				}
			}
			prefixed = prefixed[n:]
			if d.anyPattern(i, match) && !yield(i) {
				return
			}
		}
		for _, i := range prefixed {
			if !yield(i) {
				return
			}
		}
	}
}

// anyPattern reports whether one of the patterns of the i-th role matches.
func (d *Delegations) anyPattern(i int, match func(pattern string) bool) bool {
	for pattern := range elementsAt(d.text, d.roles[i].paths) {
		if match(pattern) {
			return true
		}
	}
	return false
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
		role := listedRole{object: uint32(e.value)}
		name := r.delegation(&role, &d.prefixes).Name
		if r.err != nil {
			continue
		}
		ascending = ascending && last < name
		last = name
		if role.paths != 0 {
			d.patterned = append(d.patterned, e.i)
		}
		d.roles = append(d.roles, role)
		if e.i == 0 { // most lists have roles of about the same length
			n := (len(r.text) - e.value) / (r.pos - e.value)
			d.roles = slices.Grow(d.roles, n)
			d.prefixes.list = slices.Grow(d.prefixes.list, n*len(d.prefixes.list))
		}
		d.prefixes.role++
	}
	d.text, d.prefixes.text = r.text, r.text
	if r.err != nil {
		return
	}
	d.prefixes.sort()
	if ascending {
		return
	}
	// no role is listed twice.
	if name, ok := duplicate(d.roles, func(x listedRole) string {
		again := &reader{text: r.text, pos: int(x.object)}
		return again.delegation(new(listedRole), nil).Name
	}); ok {
		r.fail(at, "role %q is listed twice", shorten(name))
	}
}

// delegation reads a role of the list. It also records the position of the
// paths, and the prefixes if there is an index.
func (r *reader) delegation(where *listedRole, prefixes *prefixIndex) (d DelegatedRole) {
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
			where.paths = uint32(r.pos)
			d.paths = r.strings()
		case "path_hash_prefixes":
			d.prefixes = prefixes.read(r)
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

// strings reads an array of strings and returns its text.
func (r *reader) strings() string {
	start := r.pos
	e := r.array()
	for e.next() {
		r.str()
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

// prefixIndex finds the roles for a digest by binary search, once for each
// length that prefixes have.
type prefixIndex struct {
	text    string
	list    []prefix
	role    uint32                 // position of the role that is being read
	lengths [digestDigits + 1]bool // the lengths that prefixes have
}

// prefix is the position of one prefix in the text, its length, and the
// position of its role in the list.
type prefix struct{ at, length, role uint32 }

func (x *prefixIndex) digits(p prefix) string { return x.text[p.at : p.at+p.length] }

// read reads an array of prefixes and returns its text. It adds them to the
// index, unless x is nil.
func (x *prefixIndex) read(r *reader) string {
	start := r.pos
	e := r.array()
	for e.next() {
		s := r.str()
		if !isPrefix(s) {
			r.fail(e.value, "found %q, want 0 to 64 lower-case hexadecimal digits", shorten(s))
		} else if x != nil { // digits have no escapes
			x.list = append(x.list, prefix{uint32(e.value) + 1, uint32(len(s)), x.role})
			x.lengths[len(s)] = true
		}
	}
	if r.err != nil {
		return ""
	}
	return r.text[start:r.pos]
}

func (x *prefixIndex) sort() {
	order := func(a, b prefix) int {
		return cmp.Or(strings.Compare(x.digits(a), x.digits(b)), cmp.Compare(a.role, b.role))
	}
	if !slices.IsSortedFunc(x.list, order) {
		slices.SortFunc(x.list, order)
	}
}

// find returns the positions of the roles with a prefix of the digest,
// ascending.
func (x *prefixIndex) find(digest string) []int {
	var roles []int
	for n, present := range x.lengths {
		if !present || n > len(digest) {
			continue
		}
		i, _ := slices.BinarySearchFunc(x.list, digest[:n], func(p prefix, d string) int {
			return strings.Compare(x.digits(p), d)
		})
		for ; i < len(x.list) && x.digits(x.list[i]) == digest[:n]; i++ {
			roles = append(roles, int(x.list[i].role))
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
