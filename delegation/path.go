package delegation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"iter"

	"github.com/tufwalk/tufwalk/metadata"
)

// targetPath is a target path with its hash. It is compared byte for byte and
// never cleaned.
type targetPath struct {
	name   string
	digest [sha256.Size]byte
	hex    string
}

// newPath hashes a target path, once for all comparisons.
func newPath(name string) targetPath {
	sum := sha256.Sum256([]byte(name))
	return targetPath{name, sum, hex.EncodeToString(sum[:])}
}

// bin returns the name of the succinct hash bin that a path falls into: the one
// with the number that the first BitLength bits of the path's sha256 make (TAP
// 15).
func bin(s *metadata.SuccinctRoles, p targetPath) string {
	return s.Bin(binary.BigEndian.Uint32(p.digest[:4]) >> (32 - s.BitLength))
}

// Delegation is an edge of the graph of roles, as a search meets it. Authority
// belongs to the delegation and not to the name of the role: two roles may
// delegate to one name with different keys.
type Delegation struct {
	// Delegator and Role are the names of its ends. A search begins with the
	// delegation from root to targets.
	Delegator, Role string
	// Terminating says that the search must not go on after this role and what
	// it delegates to.
	Terminating bool
	// Position is where the delegator's list has the role, counted from 0; -1
	// for a succinct hash bin and for targets.
	Position int
}

// RolesFor yields the roles that a role delegates a target path to, in the
// order in which they are to be asked. It yields nothing if d is nil.
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
		for i := range d.Matching(p.hex, func(pattern string) bool { return Match(pattern, p.name) }) {
			role := d.At(i)
			if !yield(Delegation{delegator, role.Name, role.Terminating, i}) {
				return
			}
		}
	}
}
