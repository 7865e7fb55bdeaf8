package roles

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// Role is a role and the signatures that it needs according to one delegator.
// It describes a delegation: another delegator may give another Role of the
// same name. The zero Role accepts no file.
type Role struct {
	name      string
	threshold int64
	keys      []roleKey
	unusable  []unusableKey
	policy    Policy
}

// unusableKey is an ID that the delegator lists, and why nobody can sign with
// its key: an error that wraps metadata.ErrKey.
type unusableKey struct {
	id  string
	err error
}

// Name returns the name of the role.
func (r Role) Name() string { return r.name }

// Threshold returns how many distinct keys must sign a file of the role.
func (r Role) Threshold() int64 { return r.threshold }

// Same reports whether two roles have the same name, threshold and keys. If so,
// a file that was verified for one is also verified for the other.
func (r Role) Same(other Role) bool {
	return r.name == other.name && r.threshold == other.threshold && r.threshold > 0 &&
		slices.EqualFunc(r.keys, other.keys, func(a, b roleKey) bool {
			return a.id == b.id && a.scheme == b.scheme && a.material == b.material && a.key == b.key
		})
}

// ErrUntrusted is returned (wrapped) when the zero Trusted is given in place of
// verified content.
var ErrUntrusted = errors.New("no trusted content given")

// ErrDelegation is returned (wrapped) when the delegator does not delegate to
// the role.
var ErrDelegation = errors.New("role is not delegated")

func notDelegated(delegator, role string) error {
	return fmt.Errorf("%w: %q by %s", ErrDelegation, role, metadata.Printable(delegator))
}

// TopLevel returns one of the four top-level roles as a root lists it. For any
// other name the error wraps ErrDelegation.
func TopLevel(root Trusted[metadata.Root], name string, p Policy) (Role, error) {
	if root.content == nil {
		return Role{}, ErrUntrusted
	}
	return topLevel(root.content, name, p)
}

func topLevel(root *metadata.Root, name string, p Policy) (Role, error) {
	s, ok := root.Role(name)
	if !ok {
		return Role{}, notDelegated(metadata.RoleRoot, name)
	}
	return newRole(name, s, root.Key, p), nil
}

// Delegated returns the role at a position of the delegator's list, counted
// from 0. The role must have the given name. For a delegator with succinct bins
// the position is ignored, and the name must be that of a bin (R-T15.4). If
// there is no such role, the error wraps ErrDelegation.
func Delegated(delegator Trusted[metadata.Targets], position int, name string, p Policy) (Role, error) {
	if delegator.content == nil {
		return Role{}, ErrUntrusted
	}
	d := delegator.content.Delegations()
	switch {
	case d == nil:
	case d.SuccinctRoles() != nil:
		if s := d.SuccinctRoles(); s.Has(name) {
			return newRole(name, s.RoleKeys, d.Key, p), nil
		}
	case 0 <= position && position < d.Len():
		if role := d.At(position); role.Name == name {
			return newRole(name, role.RoleKeys, d.Key, p), nil
		}
	}
	return Role{}, notDelegated(delegator.name, name)
}

// newRole returns a role with the keys that key finds.
func newRole(name string, s metadata.RoleKeys, key func(string) (metadata.Key, bool), p Policy) Role {
	r := Role{name: strings.Clone(name), threshold: s.Threshold(), policy: p}
	r.policy.decoded = nil // the role may be used elsewhere at the same time
	for id := range s.KeyIDs() {
		id = strings.Clone(id)
		listed, ok := key(id)
		if !ok { // .K4: an ID without a key cannot sign, and is no error.
			err := &metadata.KeyError{ID: id, Reason: "not among the keys of the file"}
			r.unusable = append(r.unusable, unusableKey{id, err})
			continue
		}
		k, err := newRoleKey(listed, &p)
		if err != nil { // R-4.2.2.6
			r.unusable = append(r.unusable, unusableKey{id, err})
			continue
		}
		r.keys = append(r.keys, k)
	}
	return r
}
