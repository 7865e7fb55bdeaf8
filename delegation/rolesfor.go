package delegation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"iter"

	"github.com/tufwalk/tufwalk/metadata"
)

// targetPath is a target path with its sha256. Paths are compared byte by byte
// and never cleaned.
type targetPath struct {
	name   string
	digest [sha256.Size]byte
	hex    string // the digest in lower-case hexadecimal
}

// newPath returns a target path with its hash.
func newPath(name string) targetPath {
	sum := sha256.Sum256([]byte(name))
	return targetPath{name, sum, hex.EncodeToString(sum[:])}
}

// bin returns the name of the succinct hash bin of a path. The number of the
// bin is the first BitLength bits of the path's sha256 (TAP 15).
func bin(s *metadata.SuccinctRoles, p targetPath) string {
	return s.Bin(binary.BigEndian.Uint32(p.digest[:4]) >> (32 - s.BitLength))
}

// Delegation is a delegation from one role to another, as a search finds it.
// Trust belongs to the delegation and not to the name of the role: two roles
// may delegate to the same name with different keys (docs/decisions.md, "Trust
// belongs to a delegation").
type Delegation struct {
	// Delegator and Role are the names of the two roles. A search begins with
	// the delegation from root to targets.
	Delegator, Role string
	// Terminating says that the search must not go on after this role and the
	// roles that it delegates to.
	Terminating bool
	// Position is the position of the role in the delegator's list, counted
	// from 0. It is -1 for a succinct hash bin and for targets.
	Position int
}

// RolesFor yields the delegations of a role for a target path, in the order in
// which to ask them. The delegations d are those of the delegator, which is
// used as a name only. If d is nil, it yields nothing.
//
// It takes time linear in the number of roles with path patterns, and
// logarithmic in the number of hash prefixes.
func RolesFor(delegator string, d *metadata.Delegations, path string) iter.Seq[Delegation] {
	return rolesFor(delegator, d, newPath(path))
}

func rolesFor(delegator string, d *metadata.Delegations, p targetPath) iter.Seq[Delegation] {
	return func(yield func(Delegation) bool) {
		if d == nil {
			return
		}
		if s := d.SuccinctRoles(); s != nil {
			yield(Delegation{delegator, bin(s, p), true, -1}) // R-T15.5
			return
		}
		match := func(pattern string) bool { return Match(pattern, p.name) }
		for i := range d.Matching(p.hex, match) {
			role := d.At(i)
			if !yield(Delegation{delegator, role.Name, role.Terminating, i}) {
				return
			}
		}
	}
}
