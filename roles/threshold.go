package roles

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// ErrThreshold is returned (wrapped) when too few keys of a role have signed.
var ErrThreshold = errors.New("not enough signatures")

// ThresholdError is the error for a file that too few keys have signed. It
// wraps ErrThreshold.
type ThresholdError struct {
	// Role is the name of the role.
	Role string
	// Threshold is the number of distinct keys that must sign. Valid is the
	// number of those that have signed.
	Threshold, Valid int64
	// Wrong are the IDs of the role's keys whose signatures do not verify. If
	// there are many, it has the first few.
	Wrong []string
	// Strangers is the number of signatures with key IDs that the role does not
	// list.
	Strangers int
	// Untried is the number of signatures that were not tried because those
	// before them took too much work: see Verify.
	Untried int
	// Unusable has an error for each key of the role that is unusable, which
	// wraps metadata.ErrKey. If there are many, it has the first few.
	Unusable []error
}

// maxListed limits the keys that an error lists.
const maxListed = 8

func (e *ThresholdError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v: want %d, found %d", metadata.Printable(e.Role), ErrThreshold, e.Threshold, e.Valid)
	if len(e.Wrong) > 0 {
		fmt.Fprintf(&b, "; wrong: %q", e.Wrong)
	}
	if e.Valid == 0 && len(e.Wrong) == 0 && e.Strangers > 0 {
		fmt.Fprintf(&b, "; found signatures by %d other keys", e.Strangers)
	}
	if e.Untried > 0 {
		fmt.Fprintf(&b, "; %d more signatures were not tried, since so many of so large a file take too long", e.Untried)
	}
	for _, err := range e.Unusable {
		fmt.Fprintf(&b, "; %v", err)
	}
	return b.String()
}

func (e *ThresholdError) Unwrap() error { return ErrThreshold }

// strangers counts the signatures with key IDs that the role does not list.
func (r Role) strangers(signatures []metadata.Signature) (n int) {
	for _, sig := range signatures {
		if !slices.ContainsFunc(r.keys, func(s roleKey) bool { return s.id == sig.KeyID }) {
			n++
		}
	}
	return n
}

// checkSignatures returns an error unless enough distinct public keys of the
// role have signed the payload. A signature counts for the key whose ID it has.
// With anyID, it also counts for any other key that it verifies with.
func (r Role) checkSignatures(payload []byte, signatures []metadata.Signature, anyID bool) error {
	if r.threshold < 1 {
		return &ThresholdError{Role: r.name, Threshold: 1, Unusable: r.unusable}
	}
	var wrong []string
	valid := make(map[string]bool) // .K3: by key material, not by ID
	left, withoutID, untried := maxTries(payload, maxHashed), maxTries(payload, maxHashedUnlisted), 0
	for _, s := range r.keys {
		for _, sig := range signatures { // signatures of other keys are ignored
			if sig.KeyID != s.id || valid[s.material] {
				continue
			}
			b := sig.Bytes()
			if s.costs(b) {
				left--
				if s.id == "" { // any number of signatures in a DSSE envelope may have no ID (R-T17.6)
					withoutID--
				}
				if left < 0 || withoutID < 0 && s.id == "" {
					untried++
					continue
				}
			}
			if s.signed(payload, b) {
				valid[s.material] = true
			} else if len(wrong) < maxListed {
				wrong = append(wrong, s.id)
			}
		}
		if int64(len(valid)) >= r.threshold {
			return nil
		}
	}
	if anyID && r.tryAllKeys(payload, signatures, valid) {
		return nil
	}
	return &ThresholdError{
		r.name, r.threshold, int64(len(valid)), wrong, r.strangers(signatures), untried, r.unusable,
	}
}

// maxHashed limits how many bytes are hashed for the signatures of one file
// with the IDs of the role's keys: 64 signatures of the largest file, and all
// those of a file below 500,000 bytes. maxHashedUnlisted is the limit for
// signatures that anyone can add to a file.
const maxHashed, maxHashedUnlisted = 512 << 20, 64 << 20

// maxTries returns how often the payload is hashed until so many bytes are.
func maxTries(payload []byte, bytes int) int { return bytes/(len(payload)+1) + 1 }

// tryAllKeys tries all signatures with all keys that have no valid signature
// yet, up to maxTries of those that cost a hash of the payload. It reports
// whether the threshold is reached.
func (r Role) tryAllKeys(payload []byte, signatures []metadata.Signature, valid map[string]bool) bool {
	left := maxTries(payload, maxHashedUnlisted)
	for _, sig := range signatures {
		b := sig.Bytes() // once: it may be as long as the file
		for _, s := range r.keys {
			if valid[s.material] || sig.KeyID == s.id || !s.costs(b) {
				continue
			}
			if left--; left < 0 {
				return false
			}
			if s.signed(payload, b) {
				valid[s.material] = true
			}
		}
		if int64(len(valid)) >= r.threshold {
			return true
		}
	}
	return false
}

// costs reports whether it takes a hash of the payload to find out if a
// signature is valid for the key. Text that is no signature, and one of a wrong
// length, costs nothing: anyone can add any number of them.
func (s roleKey) costs(sig []byte) bool {
	return sig != nil && (s.scheme.Scheme != "ed25519" || len(sig) == ed25519.SignatureSize)
}

// signed reports whether a signature is valid for the key.
//
// text that is not a signature is never valid.
func (s roleKey) signed(payload, sig []byte) bool {
	return sig != nil && s.verifier.Verify(payload, sig) == nil
}
