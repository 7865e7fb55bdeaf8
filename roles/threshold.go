package roles

import (
	"errors"
	"fmt"
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
	// Unusable has a *metadata.KeyError for each key ID that the role lists and
	// whose key nobody can use: there is none, or it is unusable. If there are
	// many, it has the first few, those with a signature before the others.
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

// thresholdError returns the error for a file with these signatures.
func (r Role) thresholdError(signatures []metadata.Signature, valid int64, wrong []string, untried int) error {
	e := &ThresholdError{Role: r.name, Threshold: max(r.threshold, 1), Valid: valid, Wrong: wrong, Untried: untried}
	listed, signed := map[string]bool{}, map[string]bool{}
	for _, k := range r.keys {
		listed[k.id] = true
	}
	for _, k := range r.unusable {
		listed[k.id] = true
	}
	for _, sig := range signatures {
		signed[sig.KeyID] = true
		if !listed[sig.KeyID] {
			e.Strangers++
		}
	}
	for _, first := range []bool{true, false} {
		for _, k := range r.unusable {
			if signed[k.id] == first && len(e.Unusable) < maxListed {
				e.Unusable = append(e.Unusable, k.err)
			}
		}
	}
	return e
}

// checkSignatures returns an error unless enough distinct public keys of the
// role have signed the payload. A signature counts for the key whose ID it has.
// With anyID, it also counts for any other key that it verifies with. What was
// found out about this payload before is in known, which may be nil.
func (r Role) checkSignatures(payload []byte, signatures []metadata.Signature, anyID bool, known results) error {
	if r.threshold < 1 {
		return r.thresholdError(signatures, 0, nil, 0)
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
			// R-T17.6: any number of them may have no ID in a DSSE envelope.
			if left == 0 || s.id == "" && withoutID == 0 {
				if !s.isJunk(b) {
					untried++
				}
				continue
			}
			good, cost := known.signed(s, payload, sig, b)
			if cost {
				left--
				if s.id == "" {
					withoutID--
				}
			}
			if good {
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
	return r.thresholdError(signatures, int64(len(valid)), wrong, untried)
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
			if valid[s.material] || sig.KeyID == s.id {
				continue
			}
			good, cost := s.signed(payload, sig, b)
			if good {
				valid[s.material] = true
			}
			if cost {
				left--
			}
			if left == 0 {
				return int64(len(valid)) >= r.threshold
			}
		}
		if int64(len(valid)) >= r.threshold {
			return true
		}
	}
	return false
}

// isJunk reports whether bytes cannot be a signature by the key: text that is
// no signature, or one of a wrong length.
func (s roleKey) isJunk(sig []byte) bool {
	_, entry := s.verifier.(EntryVerifier)
	return !entry && (sig == nil || s.size > 0 && len(sig) != s.size)
}

// signed reports whether a signature, whose decoded bytes are b, is valid for
// the key, and whether it took a hash of the payload to find out. Junk costs
// nothing: anyone can add any amount of it.
//
// text that is not a signature is never valid.
func (s roleKey) signed(payload []byte, sig metadata.Signature, b []byte) (valid, cost bool) {
	if v, ok := s.verifier.(EntryVerifier); ok {
		err := v.VerifyEntry(payload, sig)
		return err == nil, !errors.Is(err, ErrNoSignature)
	}
	if s.isJunk(b) {
		return false, false
	}
	return s.verifier.Verify(payload, b) == nil, true
}
