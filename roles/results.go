package roles

import "github.com/tufwalk/tufwalk/metadata"

// results says of signatures of one payload whether they are valid, so that
// none is verified twice where two roles list its key. It changes nothing about
// which signatures count for a role (R-5.3.4a). Nil remembers nothing.
type results map[triedSignature]bool

// triedSignature is all that a result depends on, besides the payload.
type triedSignature struct {
	scheme        Scheme
	material, key string
	signature     string
}

// signed is roleKey.signed, for a signature that may have been verified before.
// That counts as if it was verified again, so that a root which is accepted as
// the next one does not become too much work when it is read from a store. A
// scheme with entries of its own is always asked again.
func (r results) signed(k roleKey, payload []byte, sig metadata.Signature, b []byte) (valid, cost bool) {
	if _, entry := k.verifier.(EntryVerifier); entry || r == nil {
		return k.signed(payload, sig, b)
	}
	tried := triedSignature{k.scheme, k.material, k.key, string(b)}
	if valid, ok := r[tried]; ok {
		return valid, true
	}
	valid, cost = k.signed(payload, sig, b)
	if cost { // junk is told apart without a hash
		r[tried] = valid
	}
	return valid, cost
}

// valid returns the public keys with a valid signature.
func (r results) valid() map[string]bool {
	set := map[string]bool{}
	for tried, valid := range r {
		if valid {
			set[tried.material] = true
		}
	}
	return set
}
