package metadata

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Delegations are the roles that a targets role delegates to, with their keys: either a list of roles in the order
// of their priority, or succinct hash bins (spec section 4.6, TAP 15).
type Delegations struct {
	text      string
	keys      index
	roles     []listedRole
	patterned []int // positions of the roles with path patterns
	prefixes  prefixIndex
	succinct  *Succinct
}

// listedRole is where a role of the list stands in the text: there may be very many of them.
type listedRole struct {
	object          uint32
	paths, prefixes uint32 // 0 if absent
}

// Delegation is one role of a list of delegations.
type Delegation struct {
	Name string
	Signers
	// Terminating says that a search which comes here must not go on to later roles. Absent means false.
	Terminating bool

	paths, prefixes string // canonical text of the arrays; empty if absent
}

// Paths yields the path patterns of the delegation, in listed order.
func (d *Delegation) Paths() iter.Seq[string] { return elements(d.paths) }

// PathHashPrefixes yields the prefixes of path hashes of the delegation, in listed order: lower-case hexadecimal.
func (d *Delegation) PathHashPrefixes() iter.Seq[string] { return elements(d.prefixes) }

// Keys yields all keys that the file lists, in the order of their IDs.
func (d *Delegations) Keys() iter.Seq[Key] { return allKeys(&d.keys) }

// Key returns the key with the given ID. Keys belong to the file that lists them, and to no other.
func (d *Delegations) Key(id string) (Key, bool) { return findKey(&d.keys, id) }

// Len returns the number of listed roles; 0 for succinct bins.
func (d *Delegations) Len() int { return len(d.roles) }

// At returns the i-th role of the list.
func (d *Delegations) At(i int) Delegation {
	r := &reader{text: d.text, pos: int(d.roles[i].object)}
	return r.delegation(new(listedRole))
}

// PathsAt yields the path patterns of the i-th role, in listed order.
func (d *Delegations) PathsAt(i int) iter.Seq[string] { return elementsAt(d.text, d.roles[i].paths) }

// Succinct returns the succinct bins, or nil if the roles are listed.
func (d *Delegations) Succinct() *Succinct {
	if d.succinct == nil {
		return nil
	}
	s := *d.succinct
	return &s
}

// Patterned yields the positions of the roles that have path patterns, in listed order.
func (d *Delegations) Patterned() iter.Seq[int] { return slices.Values(d.patterned) }

// Prefixed returns the positions of the roles one of whose path hash prefixes the digest has, in listed order.
// The digest is given as lower-case hexadecimal. It takes time logarithmic in the number of prefixes.
func (d *Delegations) Prefixed(digest string) []int { return d.prefixes.find(digest) }

func (r *reader) delegations() *Delegations {
	d := new(Delegations)
	at := r.pos
	keys, roles := false, false
	for name := range r.object() {
		switch name {
		case "keys":
			keys, d.keys = true, r.keys()
		case "roles":
			roles, d.roles = true, r.roles()
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
	d.text = r.text
	d.indexRoles()
	return d
}

// indexRoles notes which roles to look at for a path.
func (d *Delegations) indexRoles() {
	prefixes := 0
	for i, role := range d.roles {
		if role.paths != 0 {
			d.patterned = append(d.patterned, i)
		}
		for range elementsAt(d.text, role.prefixes) {
			prefixes++
		}
	}
	d.prefixes = prefixIndex{text: d.text, list: make([]prefix, 0, prefixes)}
	for i, role := range d.roles {
		if role.prefixes != 0 {
			d.prefixes.add(role.prefixes, i)
		}
	}
	d.prefixes.sort()
}

func (r *reader) roles() []listedRole {
	at := r.pos
	var list []listedRole
	last, ascending := "", true
	for range r.array() { // the order is kept
		role := listedRole{object: uint32(r.pos)}
		d := r.delegation(&role)
		ascending = ascending && last < d.Name
		last = d.Name
		list = append(list, role)
	}
	if r.err != nil || ascending {
		return list
	}
	// no role is listed twice.
	if name, ok := duplicate(list, func(x listedRole) string {
		again := &reader{text: r.text, pos: int(x.object)}
		return again.delegation(new(listedRole)).Name
	}); ok {
		r.fail(at, "role %q is listed twice", shorten(name))
	}
	return list
}

// delegation reads a role of the list, and notes where its parts stand.
func (r *reader) delegation(where *listedRole) (d Delegation) {
	at := r.pos
	found := false
	for name := range r.object() {
		switch name {
		case "name":
			found, d.Name = true, r.roleName()
		case "terminating":
			d.Terminating = r.boolean()
		case "paths":
			where.paths = uint32(r.pos)
			d.paths = r.strings(nil)
		case "path_hash_prefixes":
			where.prefixes = uint32(r.pos)
			d.prefixes = r.strings(isPrefix)
		default:
			r.signerMember(&d.Signers, name)
		}
	}
	r.missing(at, "name", found)
	r.needSigners(at, d.Signers)
	if d.paths != "" && d.prefixes != "" {
		r.fail(at, "want at most one of paths and path_hash_prefixes")
	}
	return d
}

// roleName reads the name of a delegated role.
//
// it is not empty and not that of a top-level role.
func (r *reader) roleName() string {
	at := r.pos
	name := r.str()
	switch name {
	case "", "root", "timestamp", "snapshot", "targets", "mirrors":
		r.fail(at, "a delegated role cannot have the name %q", name)
	}
	return name
}

// strings reads an array of strings and returns its text.
func (r *reader) strings(ok func(string) bool) string {
	start := r.pos
	for range r.array() {
		at := r.pos
		if s := r.str(); ok != nil && !ok(s) {
			r.fail(at, "found %q, want 0 to 64 lower-case hexadecimal digits", shorten(s))
		}
	}
	if r.err != nil {
		return ""
	}
	return r.text[start:r.pos]
}

// path hash prefixes are lower-case hexadecimal, 0 to 64 digits.
func isPrefix(s string) bool {
	return len(s) <= digestDigits && strings.Trim(s, "0123456789abcdef") == ""
}

// digestDigits is the number of hexadecimal digits in a sha256 digest.
const digestDigits = 64

// prefixIndex finds the roles for a digest by binary search, once for each length that prefixes have.
type prefixIndex struct {
	text    string
	list    []prefix
	lengths [digestDigits + 1]bool
}

// prefix is one prefix, by where it stands in the text, and the position of its role.
type prefix struct{ at, length, role uint32 }

func (x *prefixIndex) digits(p prefix) string { return x.text[p.at : p.at+p.length] }

// add notes the prefixes in an array, which are hexadecimal digits and so have no escapes.
func (x *prefixIndex) add(array uint32, role int) {
	r := &reader{text: x.text, pos: int(array)}
	for range r.array() {
		at := r.pos + 1
		n := len(r.str())
		x.list = append(x.list, prefix{uint32(at), uint32(n), uint32(role)})
		x.lengths[n] = true
	}
}

func (x *prefixIndex) sort() {
	order := func(a, b prefix) int {
		return cmp.Or(strings.Compare(x.digits(a), x.digits(b)), cmp.Compare(a.role, b.role))
	}
	if !slices.IsSortedFunc(x.list, order) {
		slices.SortFunc(x.list, order)
	}
}

func (x *prefixIndex) find(digest string) []int {
	var roles []int
	for n, present := range x.lengths {
		if !present || n > len(digest) {
			continue
		}
		i, _ := slices.BinarySearchFunc(x.list, digest[:n], func(p prefix, d string) int { return strings.Compare(x.digits(p), d) })
		for ; i < len(x.list) && x.digits(x.list[i]) == digest[:n]; i++ {
			roles = append(roles, int(x.list[i].role))
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
