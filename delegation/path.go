package delegation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
)

// Path is a target path with its hash. It is compared byte for byte and never cleaned.
type Path struct {
	name   string
	digest [sha256.Size]byte
	hex    string
}

// PathOf hashes a target path, once for all comparisons.
func PathOf(name string) Path {
	sum := sha256.Sum256([]byte(name))
	return Path{name, sum, hex.EncodeToString(sum[:])}
}

// String returns the target path.
func (p Path) String() string { return p.name }

// Covers says whether a delegation is for the path: whether one of its patterns matches, or one of its prefixes begins the path's
// hash. A delegation with neither is for nothing.
func Covers(d metadata.Delegation, p Path) bool {
	if matchAny(d.Paths(), p) {
		return true
	}
	for prefix := range d.PathHashPrefixes() {
		if len(prefix) <= len(p.hex) && p.hex[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

func matchAny(patterns iter.Seq[string], p Path) bool {
	for pattern := range patterns {
		if Match(pattern, p.name) {
			return true
		}
	}
	return false
}

// Bin returns the name of the succinct bin that a path falls into: the one with the number that the first BitLength
// bits of the path's sha256 make (TAP 15).
func Bin(s *metadata.Succinct, p Path) string {
	return s.Bin(binary.BigEndian.Uint32(p.digest[:4]) >> (32 - s.BitLength))
}

// Edge is a delegation as a search meets it: authority belongs to it, and not to the name of the role.
type Edge struct {
	// Delegator and Role are the names of its ends. The search begins with the edge from root to targets.
	Delegator, Role string
	// Terminating says that the search must not go on behind this role and what it delegates to.
	Terminating bool
	// Position is where the delegator's list has the role; -1 for a succinct bin and for targets.
	Position int
}

// For yields the roles that a role delegates the path to, in the order in which they are to be asked. All but succinct
// bins have a position in d's list.
//
// It takes time linear in the number of roles with path patterns, and logarithmic in the number of hash prefixes.
func For(delegator string, d *metadata.Delegations, p Path) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		if d == nil {
			return
		}
		if s := d.Succinct(); s != nil {
			yield(Edge{delegator, Bin(s, p), true, -1}) // R-T15.5
			return
		}
		for i := range covering(d, p) {
			role := d.At(i)
			if !yield(Edge{delegator, role.Name, role.Terminating, i}) {
				return
			}
		}
	}
}

// covering yields the positions of the listed roles that are for the path, in listed order.
func covering(d *metadata.Delegations, p Path) iter.Seq[int] {
	return func(yield func(int) bool) {
		prefixed := d.Prefixed(p.hex)
		for i := range d.Patterned() {
			n, _ := slices.BinarySearch(prefixed, i)
			for _, earlier := range prefixed[:n] {
				if !yield(earlier) {
					return
				}
			}
			prefixed = prefixed[n:]
			if matchAny(d.PathsAt(i), p) && !yield(i) {
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
