package roles

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// Role is a role together with whose signatures it needs, according to one
// delegator: the edge from the one to the other. The zero Role accepts nothing.
type Role struct {
	name      string
	threshold int64
	signers   []roleKey
	unusable  []error
	policy    Policy
}

// Name returns the name of the role.
func (r Role) Name() string { return r.name }

// Same says whether two roles have the same name, threshold and keys, so that a
// file which was opened for the one may be used for the other.
func (r Role) Same(other Role) bool {
	return r.name == other.name && r.threshold == other.threshold && r.threshold > 0 &&
		slices.EqualFunc(r.signers, other.signers, func(a, b roleKey) bool {
			return a.id == b.id && a.scheme == b.scheme && a.material == b.material && a.key == b.key
		})
}

// ErrUntrusted is returned where content is needed that has been verified, and
// the zero Trusted is given.
var ErrUntrusted = errors.New("no trusted content given")

// ErrDelegation is returned (wrapped) for a role that the delegator does not
// have.
var ErrDelegation = errors.New("role is not delegated")

func notDelegated(delegator, role string) error {
	return fmt.Errorf("%w: %q by %s", ErrDelegation, role, metadata.Printable(delegator))
}

// TopLevel returns one of the four top-level roles as a root describes it.
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

// Delegated returns the role that stands at a position of the delegator's list,
// and has the given name there. For a delegator with succinct bins the position
// is of no account, and the name must be that of one of the bins (R-T15.4).
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

func newRole(name string, s metadata.RoleKeys, key func(string) (metadata.Key, bool), p Policy) Role {
	r := Role{name: strings.Clone(name), threshold: s.Threshold(), policy: p}
	for id := range s.KeyIDs() {
		id = strings.Clone(id)
		k, ok := key(id)
		if !ok { // .K4: an ID without a key cannot sign, and that is all.
			r.addUnusable(&metadata.KeyError{ID: id, Reason: "not among the keys of the file"})
			continue
		}
		signer, err := newRoleKey(k, &p)
		if err != nil { // R-4.2.2.6
			r.addUnusable(err)
			continue
		}
		r.signers = append(r.signers, signer)
	}
	return r
}

// most bounds the keys that an error names.
const most = 8

func (r *Role) addUnusable(err error) {
	if len(r.unusable) < most {
		r.unusable = append(r.unusable, err)
	}
}

// ErrThreshold is returned (wrapped) when too few keys of a role have signed.
var ErrThreshold = errors.New("not enough signatures")

// ThresholdError says how far a file is from its threshold.
type ThresholdError struct {
	Role string
	// Threshold is the number of distinct keys that must sign, and Valid the
	// number of those that did.
	Threshold, Valid int64
	// Wrong are the IDs of the role's keys whose signatures do not verify; the
	// first few, if there are many. The other keys have not signed at all.
	Wrong []string
	// Strangers is the number of signatures by keys that the role does not
	// list.
	Strangers int
	// Unusable says of the role's keys that can never verify anything why; of
	// the first few, if there are many.
	Unusable []error
}

func (e *ThresholdError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v: want %d, found %d", metadata.Printable(e.Role), ErrThreshold, e.Threshold, e.Valid)
	if len(e.Wrong) > 0 {
		fmt.Fprintf(&b, "; wrong: %q", e.Wrong)
	}
	if e.Valid == 0 && len(e.Wrong) == 0 && e.Strangers > 0 {
		fmt.Fprintf(&b, "; found signatures by %d other keys", e.Strangers)
	}
	for _, err := range e.Unusable {
		fmt.Fprintf(&b, "; %v", err)
	}
	return b.String()
}

func (e *ThresholdError) Unwrap() error { return ErrThreshold }

// strangers counts the signatures by keys that the role does not list.
func (r Role) strangers(signatures []metadata.Signature) (n int) {
	for _, sig := range signatures {
		if !slices.ContainsFunc(r.signers, func(s roleKey) bool { return s.id == sig.KeyID }) {
			n++
		}
	}
	return n
}

// verify counts the distinct public keys of the role that signed the payload. A
// signature counts for the key that it names and, with anyID, for whichever key
// it verifies with.
func (r Role) verify(payload []byte, signatures []metadata.Signature, anyID bool) error {
	if r.threshold < 1 {
		return &ThresholdError{Role: r.name, Threshold: 1, Unusable: r.unusable}
	}
	var wrong []string
	valid := make(map[string]bool) // .K3: by key material
	nameless := tries(payload)
	for _, s := range r.signers {
		for _, sig := range signatures { // signatures of other keys are not even looked at
			if sig.KeyID == s.id && !valid[s.material] {
				if s.id == "" { // in a DSSE envelope any number of signatures have no ID (R-T17.6)
					if nameless--; nameless < 0 {
						break
					}
				}
				if s.signed(payload, sig) {
					valid[s.material] = true
				} else if len(wrong) < most {
					wrong = append(wrong, s.id)
				}
			}
		}
		if int64(len(valid)) >= r.threshold {
			return nil
		}
	}
	if anyID && r.verifyAny(payload, signatures, valid) {
		return nil
	}
	return &ThresholdError{r.name, r.threshold, int64(len(valid)), wrong, r.strangers(signatures), r.unusable}
}

// tries is how many signatures that anybody can add to a file are tried with
// its payload: as many as 64 MB of hashing allow.
func tries(payload []byte) int { return 64<<20/(len(payload)+1) + 1 }

// verifyAny tries all signatures with all keys that are still to sign, within
// bounds, and says whether that reaches the threshold.
func (r Role) verifyAny(payload []byte, signatures []metadata.Signature, valid map[string]bool) bool {
	left := tries(payload)
	for _, sig := range signatures {
		for _, s := range r.signers {
			if valid[s.material] || sig.KeyID == s.id {
				continue
			}
			if left--; left < 0 {
				return false
			}
			if s.signed(payload, sig) {
				valid[s.material] = true
			}
		}
		if int64(len(valid)) >= r.threshold {
			return true
		}
	}
	return false
}

// signed says whether a signature is the key's.: not if it is no
// signature at all.
func (s roleKey) signed(payload []byte, sig metadata.Signature) bool {
	b := sig.Bytes()
	return b != nil && s.verifier.Verify(payload, b) == nil
}
