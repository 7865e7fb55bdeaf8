package roles

import (
	"bytes"

	"github.com/tufwalk/tufwalk/metadata"
)

// Trusted is the content of a file that enough keys of a role have signed. Only
// this package makes one with content. It does not show that the file has the
// right version, is not expired, or is the file that was asked for. The zero
// value has no content.
type Trusted[T metadata.Content] struct {
	content  *T
	name     string
	envelope *metadata.Envelope[T]
}

// Content returns a copy of the content, or nil for the zero value.
func (t Trusted[T]) Content() *T {
	if t.content == nil {
		return nil
	}
	c := *t.content
	return &c
}

// Name returns the name of the role for which the file was verified.
func (t Trusted[T]) Name() string { return t.name }

// Header returns what the content begins with, such as version and expiry; the
// zero Header for the zero value.
func (t Trusted[T]) Header() metadata.Header {
	if t.content == nil {
		return metadata.Header{}
	}
	header, _ := parts(t.content)
	return *header
}

// File returns what Envelope.File returns for the file: its bytes, not to be
// changed, or nil.
func (t Trusted[T]) File() []byte {
	if t.envelope == nil {
		return nil
	}
	return t.envelope.File()
}

// SameContent reports whether two files were verified for the same role name
// and have the same content. Their signatures may differ.
func (t Trusted[T]) SameContent(other Trusted[T]) (same bool) {
	if t.content == nil || t.name != other.name { // a Trusted with content has a name
		return false
	}
	_ = t.envelope.CheckPayload(func(a []byte) error {
		_ = other.envelope.CheckPayload(func(b []byte) error {
			same = bytes.Equal(a, b)
			return nil
		})
		return nil
	})
	return same
}

// Verify returns the content of a file if enough keys of the role have signed
// it. It decodes the content after the signatures are verified. Errors are
// *ThresholdError or *metadata.SyntaxError, or wrap ErrPolicy.
//
// The work is limited, because a delegator lists as many keys as it likes:
// signatures of its keys are tried until they have hashed 512 MB.
func Verify[T metadata.Content](env *metadata.Envelope[T], role Role) (Trusted[T], error) {
	return verify(env, role, false)
}

// VerifyAnyKeyID is Verify for a file that was trusted before. It ignores key
// IDs: a signature counts for any key of the role that it verifies with. Key
// IDs are not signed, and a new root may list an old key under another ID
// (docs/decisions.md, "Key IDs are opaque").
//
// The work is limited, because anyone can add signatures to a file. Signatures
// with the ID of a key are tried with that key as in Verify. Other combinations
// of signatures and keys are tried until they have hashed 64 MB.
// the keys that are left must still reach the threshold.
func VerifyAnyKeyID[T metadata.Content](env *metadata.Envelope[T], role Role) (Trusted[T], error) {
	return verify(env, role, true)
}

func verify[T metadata.Content](env *metadata.Envelope[T], role Role, anyID bool) (Trusted[T], error) {
	if err := checkEnvelope(env, role, anyID, nil); err != nil {
		return Trusted[T]{}, err
	}
	content, err := env.Unverified()
	if err != nil {
		return Trusted[T]{}, err
	}
	return trust(env, role, content)
}

// checkEnvelope returns an error unless enough keys of the role have signed a
// file.
func checkEnvelope[T metadata.Content](env *metadata.Envelope[T], role Role, anyID bool, known results) error {
	return env.CheckPayload(func(payload []byte) error {
		return role.inFormat(env.Format()).checkSignatures(payload, env.Signatures(), anyID, known)
	})
}

// trust makes a Trusted of a content whose signatures are verified.
func trust[T metadata.Content](env *metadata.Envelope[T], role Role, content *T) (Trusted[T], error) {
	if err := role.policy.check(role.name, content); err != nil {
		return Trusted[T]{}, err
	}
	return Trusted[T]{content, role.name, env}, nil
}

// VerifyAs returns a trusted file for another role, if enough keys of that role
// have signed it too.
//
// R-5.6.7g: trust belongs to the delegation, so each delegation to a role needs
// the signatures of its own keys.
func VerifyAs[T metadata.Content](t Trusted[T], role Role) (Trusted[T], error) {
	if t.content == nil {
		return Trusted[T]{}, ErrUntrusted
	}
	if err := checkEnvelope(t.envelope, role, false, nil); err != nil {
		return Trusted[T]{}, err
	}
	t.name = role.name
	return t, nil
}

// VerifyInitialRoot verifies the initial trusted root, which must be signed by
// its own keys. Only the caller can know that it is the right one,
// from where it got the file. The root may be expired.
func VerifyInitialRoot(env *metadata.Envelope[metadata.Root], p Policy) (Trusted[metadata.Root], error) {
	none := Trusted[metadata.Root]{}
	content, err := env.Unverified()
	if err != nil {
		return none, err
	}
	role, err := topLevel(content, metadata.RoleRoot, p)
	if err != nil {
		return none, err
	}
	if err := checkEnvelope(env, role, false, nil); err != nil {
		return none, err
	}
	return trust(env, role, content)
}

// VerifyNextRoot verifies the successor of a trusted root. The next root may be
// expired. A signature by a key of both roots is verified once, and counts for
// both.
func VerifyNextRoot(trusted Trusted[metadata.Root], env *metadata.Envelope[metadata.Root],
	p Policy) (Trusted[metadata.Root], error) {
	none := Trusted[metadata.Root]{}
	role, err := TopLevel(trusted, metadata.RoleRoot, p)
	if err != nil {
		return none, err
	}
	// Nobody needs to have signed this. It only says which key IDs both roots
	// list. They come first: one signature may decide for both.
	content, malformed := env.Unverified()
	listed := rootKeyIDs(content)
	known := results{}
	// R-5.3.4a, R-5.3.4b: signed by the keys of the trusted root and by its
	// own. Each of the two thresholds is counted separately.
	role = role.first(func(k roleKey) bool { return listed[k.id] })
	if err := checkEnvelope(env, role, false, known); err != nil {
		return none, err
	}
	if malformed != nil {
		return none, malformed
	}
	own, err := topLevel(content, metadata.RoleRoot, p)
	if err != nil {
		return none, err
	}
	valid := known.valid()
	own = own.first(func(k roleKey) bool { return valid[k.material] })
	if err := checkEnvelope(env, own, false, known); err != nil {
		return none, err
	}
	next, err := trust(env, own, content)
	if err != nil {
		return none, err
	}
	// the version is the next one. It does not overflow, because there
	// is no next root to ask for after version 2^63-1.
	if want, got := trusted.content.Version+1, next.content.Version; got != want {
		return none, wrongVersion(metadata.RoleRoot, want, got)
	}
	return next, nil
}

// rootKeyIDs returns the IDs that a root lists for the role root; none for nil.
func rootKeyIDs(root *metadata.Root) map[string]bool {
	ids := map[string]bool{}
	if root != nil {
		list, _ := root.Role(metadata.RoleRoot)
		for id := range list.KeyIDs() {
			ids[id] = true
		}
	}
	return ids
}
