package delegation

import (
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// byHash reports whether a delegation is to a hash bin: by the hashes of target
// paths.
func byHash(role metadata.DelegatedRole) bool {
	for range role.PathHashPrefixes() {
		return true
	}
	return false
}

// Misplaced reports whether a file that lists paths lists none that a
// delegation by hash covers, and returns one of those that it lists. That is
// how the file of another hash bin looks. It is false for a file without paths,
// and for any other delegation. It takes time linear in the number of listed
// paths, times the logarithm of the number of prefixes, and stops at the first
// path that is covered.
func (p Pending) Misplaced(file *metadata.Targets) (path string, misplaced bool) {
	covers := p.covers()
	if covers == nil {
		return "", false
	}
	for path = range file.Files() {
		misplaced = true
		if covered, _ := covers(path); covered {
			return path, false
		}
	}
	return path, misplaced
}

// ListsOwn reports whether a file lists a path that a delegation by hash
// covers, and that no other bin of the delegator covers. It is false for any
// other delegation. It takes time like Misplaced.
func (p Pending) ListsOwn(file *metadata.Targets) bool {
	covers := p.covers()
	if covers == nil {
		return false
	}
	for path := range file.Files() {
		if _, own := covers(path); own {
			return true
		}
	}
	return false
}

// covers returns a function that reports whether a delegation by hash covers a
// path, and whether it is the only one of its delegator that does. Prefixes of
// several bins may be alike. It returns nil for any other delegation.
func (p Pending) covers() func(path string) (covered, own bool) {
	if p.By.Content() == nil {
		return nil
	}
	d := p.By.Content().Delegations()
	if s := d.SuccinctRoles(); s != nil {
		return func(path string) (covered, own bool) {
			covered = bin(s, newPath(path)) == p.Role
			return covered, covered
		}
	}
	if !byHash(d.At(p.Position)) {
		return nil
	}
	noPattern := func(string) (bool, error) { return false, nil }
	return func(path string) (covered, own bool) {
		own = true
		for i := range d.Matching(path, newPath(path).hex(), noPattern) {
			covered = covered || i == p.Position
			own = own && i == p.Position
		}
		return covered, covered && own
	}
}

// Signers says which of the roles that one file delegates to have keys in
// common with another role. It does not change, and may be used by several
// goroutines.
type Signers struct{ byMaterial map[string][]*signerGroup }

// signerGroup are the roles of a file that have the same keys and threshold.
type signerGroup struct {
	bins, others names
	succinct     bool // there are two bins at least
}

// names are the first two names of a list, which is enough to know whether it
// has another one than a given name.
type names struct{ first, second string }

func (n *names) add(name string) {
	switch {
	case n.first == "":
		n.first = name
	case n.second == "":
		n.second = name
	}
}

func (n names) hasOther(name string) bool { return n.first != name && n.first != "" || n.second != "" }

// NewSigners looks at the roles that a file delegates to. It takes time and
// memory linear in the size of the file: each key is decoded once.
func NewSigners(by roles.Trusted[metadata.Targets], p roles.Policy) *Signers {
	x := &Signers{byMaterial: map[string][]*signerGroup{}}
	content := by.Content()
	if content == nil || content.Delegations() == nil {
		return x
	}
	d := content.Delegations()
	material := map[string]string{} // by key ID; empty: unusable
	if s := d.SuccinctRoles(); s != nil {
		x.add(&signerGroup{succinct: true}, s.RoleKeys, d, p, material)
		return x
	}
	groups := map[metadata.RoleKeys]*signerGroup{}
	for i := range d.Len() {
		listed := d.At(i)
		g := groups[listed.RoleKeys]
		if g == nil {
			g = new(signerGroup)
			groups[listed.RoleKeys] = g
			x.add(g, listed.RoleKeys, d, p, material)
		}
		if byHash(listed) {
			g.bins.add(listed.Name)
		} else {
			g.others.add(listed.Name)
		}
	}
	return x
}

// add notes which public keys a group has, each of them once.
func (x *Signers) add(
	g *signerGroup, keys metadata.RoleKeys, d *metadata.Delegations, p roles.Policy, material map[string]string,
) {
	for id := range keys.KeyIDs() {
		m, known := material[id]
		if !known {
			k, _ := d.Key(id)
			m, _ = p.Material(k)
			material[id] = m
		}
		if list := x.byMaterial[m]; m != "" && (len(list) == 0 || list[len(list)-1] != g) {
			x.byMaterial[m] = append(list, g)
		}
	}
}

// CanPassFor reports which roles of the file, other than one of that name, list
// a threshold of a role's keys, so that their files could pass for the role's:
// hash bins, and other roles. (R-5.6.8b)
func (x *Signers) CanPassFor(role roles.Role) (bins, others bool) {
	if role.Threshold() < 1 {
		return false, false
	}
	shared := map[*signerGroup]int64{}
	for _, material := range role.KeyMaterial() {
		for _, g := range x.byMaterial[material] {
			if shared[g]++; shared[g] < role.Threshold() {
				continue
			}
			bins = bins || g.succinct || g.bins.hasOther(role.Name())
			others = others || g.others.hasOther(role.Name())
			if others {
				return bins, true
			}
		}
	}
	return bins, others
}
