package delegation

import (
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// ByHash reports whether the delegation is by the hashes of target paths: to a
// hash bin, classic or succinct.
func (p Pending) ByHash() bool {
	if p.By.Content() == nil {
		return false
	}
	d := p.By.Content().Delegations()
	return d.SuccinctRoles() != nil || byHash(d.At(p.Position))
}

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
// paths, and stops at the first one that is covered.
func (p Pending) Misplaced(file *metadata.Targets) (path string, misplaced bool) {
	path, lists, covered := p.covered(file)
	return path, lists && !covered
}

// ListsCovered reports whether a file lists a path that a delegation by hash
// covers. It is false for any other delegation.
func (p Pending) ListsCovered(file *metadata.Targets) bool {
	_, _, covered := p.covered(file)
	return covered
}

// covered says whether a file lists paths, and whether a delegation by hash
// covers one of them: the returned one.
func (p Pending) covered(file *metadata.Targets) (path string, lists, covered bool) {
	if !p.ByHash() {
		return "", false, false
	}
	covers := p.covers()
	for path = range file.Files() {
		lists = true
		if covers(newPath(path)) {
			return path, true, true
		}
	}
	return path, lists, false
}

// covers returns a function that reports whether a delegation by hash covers a
// path.
func (p Pending) covers() func(targetPath) bool {
	d := p.By.Content().Delegations()
	if s := d.SuccinctRoles(); s != nil {
		return func(path targetPath) bool { return bin(s, path) == p.Role }
	}
	var prefixes []string
	role := d.At(p.Position)
	for prefix := range role.PathHashPrefixes() {
		prefixes = append(prefixes, prefix)
	}
	return func(path targetPath) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(path.hex, prefix) {
				return true
			}
		}
		return false
	}
}

// Signers says which of the roles that one file delegates to have keys in
// common with another role. It does not change, and may be used by several
// goroutines.
type Signers struct{ byMaterial map[string][]*signerGroup }

// signerGroup are the roles of a file that have the same keys and threshold.
type signerGroup struct {
	role         roles.Role
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

// NewSigners looks at the roles that a file delegates to. It takes time linear
// in the size of the file.
func NewSigners(by roles.Trusted[metadata.Targets], p roles.Policy) *Signers {
	x := &Signers{byMaterial: map[string][]*signerGroup{}}
	content := by.Content()
	if content == nil || content.Delegations() == nil {
		return x
	}
	d := content.Delegations()
	if s := d.SuccinctRoles(); s != nil {
		if role, err := roles.Delegated(by, -1, s.Bin(0), p); err == nil {
			x.add(&signerGroup{role: role, succinct: true})
		}
		return x
	}
	groups := map[metadata.RoleKeys]*signerGroup{}
	for i := range d.Len() {
		listed := d.At(i)
		g := groups[listed.RoleKeys]
		if g == nil {
			role, err := roles.Delegated(by, i, listed.Name, p)
			if err != nil {
				continue
			}
			g = &signerGroup{role: role}
			groups[listed.RoleKeys] = g
			x.add(g)
		}
		if byHash(listed) {
			g.bins.add(listed.Name)
		} else {
			g.others.add(listed.Name)
		}
	}
	return x
}

func (x *Signers) add(g *signerGroup) {
	for _, material := range g.role.KeyMaterial() {
		x.byMaterial[material] = append(x.byMaterial[material], g)
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
