package roles

import (
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// Remembering returns the policy with a memory of the keys that it decodes, for
// a caller who verifies many files with the same keys: to decode an RSA or
// ECDSA key takes about as long as to verify a signature with it. Nothing else
// changes. A policy with a memory is not safe for concurrent use, and nor are
// copies of it. What is made with it retains no part of the memory. It must not
// be in the Options of package verify, whose sessions have a memory of their
// own: copies of one policy would be in several of them.
func (p Policy) Remembering() Policy {
	p.decoded = decodedKeys{}
	return p
}

// decodedKeys are keys with built-in schemes that were decoded before. Nil
// remembers nothing.
type decodedKeys map[listedKey]roleKey

// listedKey is all that such a key is decoded from.
type listedKey struct{ keyType, scheme, public string }

// maxDecoded limits the keys that are remembered: a delegator may have a key
// for each of thousands of roles.
const maxDecoded = 256

// maxRemembered limits the bytes of a key as it is listed. No key needs more,
// but white space around it may be as long as the file.
const maxRemembered = 4096

// find returns a key that was decoded before, under its ID in this file.
func (d decodedKeys) find(k metadata.Key) (key roleKey, ok bool) {
	key, ok = d[listedKey{k.Type, k.Scheme, k.Public}]
	key.id = k.ID
	return key, ok
}

// add remembers a key. It retains no part of the file.
func (d decodedKeys) add(k metadata.Key, key roleKey) {
	if d == nil || len(k.Public) > maxRemembered {
		return
	}
	if len(d) >= maxDecoded {
		clear(d)
	}
	d[listedKey{key.scheme.KeyType, key.scheme.Scheme, strings.Clone(k.Public)}] = key
}
