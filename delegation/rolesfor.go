package delegation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"iter"
	"math"

	"github.com/tufwalk/tufwalk/metadata"
)

// targetPath is a target path with its sha256. Paths are compared byte by byte
// and never cleaned.
type targetPath struct {
	name   string
	digest [sha256.Size]byte
}

// hex returns the digest in lower-case hexadecimal, which succinct bins do not
// need.
func (p targetPath) hex() string { return hex.EncodeToString(p.digest[:]) }

// newPath returns a target path with its hash.
func newPath(name string) targetPath {
	return targetPath{name, sha256.Sum256([]byte(name))}
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
// It finds hash prefixes, and patterns with a beginning that the path has,
// through an index: see [metadata.Delegations.Matching]. It compares each
// pattern that it finds by [Match] and, unlike a [Walk], does not limit the
// steps: a loop over the result may take a time proportional to the length of
// the delegator's file times that of the path.
func RolesFor(delegator string, d *metadata.Delegations, path string) iter.Seq[Delegation] {
	return func(yield func(Delegation) bool) {
		unlimited := int64(math.MaxInt64)
		for found := range rolesFor(delegator, d, newPath(path), &unlimited) {
			if !yield(found) {
				return
			}
		}
	}
}

// errSteps ends rolesFor when there are no steps left.
var errSteps = errors.New("too many steps")

// rolesFor is RolesFor with a budget of steps for match. If they do not
// suffice, the last that it yields is errSteps, and no delegation.
func rolesFor(delegator string, d *metadata.Delegations, p targetPath, left *int64) iter.Seq2[Delegation, error] {
	return func(yield func(Delegation, error) bool) {
		if d == nil {
			return
		}
		if s := d.SuccinctRoles(); s != nil {
			yield(Delegation{delegator, bin(s, p), true, -1}, nil) // R-T15.5
			return
		}
		compare := func(pattern string) (bool, error) {
			matches := match(pattern, p.name, left)
			if *left < 0 { // one search, at most so many steps
				return false, errSteps
			}
			return matches, nil
		}
		for i, err := range d.Matching(p.name, p.hex(), compare) {
			if err != nil {
				yield(Delegation{}, err)
				return
			}
			role := d.At(i)
			if !yield(Delegation{delegator, role.Name, role.Terminating, i}, nil) {
				return
			}
		}
	}
}
