package roles

import (
	"bytes"

	"github.com/tufwalk/tufwalk/metadata"
)

// Trusted is the content of a file that enough keys of a role have signed. Only
// this package makes one. It says nothing about versions, expiry or whether
// this is the file that was wanted. The zero value has no content.
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

// Header returns what the content begins with: version and expiry, zero for the
// zero value.
func (t Trusted[T]) Header() metadata.Header {
	if t.content == nil {
		return metadata.Header{}
	}
	header, _ := parts(t.content)
	return *header
}

// SameContent says whether two files were opened as the same role and have the
// same content, whoever signed it.
func (t Trusted[T]) SameContent(other Trusted[T]) (same bool) {
	if t.content == nil || t.name != other.name { // whatever has content has a name
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

// Name returns the name of the role that the file was opened as.
func (t Trusted[T]) Name() string { return t.name }

// Open returns the content of a file if enough keys of the role have signed it:
// decoded after the signatures hold. Errors are *ThresholdError,
// *metadata.SyntaxError or *PolicyError.
func Verify[T metadata.Content](env *metadata.Envelope[T], role Role) (Trusted[T], error) {
	return open(env, role, false)
}

// VerifyAnyKeyID is Open for a file that was trusted before, under whatever key
// IDs: a signature counts for any key of the role that it verifies with. Key
// IDs are not signed, and a new root may give an old key another one
// (architecture, decision 7).
//
// The work is bounded, since anybody can add signatures to a file: beyond those
// that name the right keys, so many are tried as 64 MB of hashing allow.
func VerifyAnyKeyID[T metadata.Content](env *metadata.Envelope[T], role Role) (Trusted[T], error) {
	return open(env, role, true)
}

func open[T metadata.Content](env *metadata.Envelope[T], role Role, anyID bool) (Trusted[T], error) {
	if err := checkSignatures(env, role, anyID); err != nil {
		return Trusted[T]{}, err
	}
	content, err := env.Unverified()
	if err != nil {
		return Trusted[T]{}, err
	}
	return trust(env, role, content)
}

// trust makes trusted what has been signed.
func trust[T metadata.Content](env *metadata.Envelope[T], role Role, content *T) (Trusted[T], error) {
	if err := role.policy.check(role.name, content); err != nil {
		return Trusted[T]{}, err
	}
	return Trusted[T]{content, role.name, env}, nil
}

func checkSignatures[T metadata.Content](env *metadata.Envelope[T], role Role, anyID bool) error {
	return env.CheckPayload(func(payload []byte) error { return role.verify(payload, env.Signatures(), anyID) })
}

// VerifyAs returns a file that is trusted already as that of another role, if
// enough keys of that role have signed it too.
//
// R-5.6.7g: authority belongs to the edge from delegator to role, so each edge
// asks for its own keys.
func VerifyAs[T metadata.Content](t Trusted[T], role Role) (Trusted[T], error) {
	if t.content == nil {
		return Trusted[T]{}, ErrUntrusted
	}
	if err := checkSignatures(t.envelope, role, false); err != nil {
		return Trusted[T]{}, err
	}
	t.name = role.name
	return t, nil
}

// Anchor opens a root that the caller received out of band: it must be signed
// by its own keys. That it is the right one, only the caller can
// know. Its expiry does not matter.
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
	if err := checkSignatures(env, role, false); err != nil {
		return none, err
	}
	return trust(env, role, content)
}

// VerifyNextRoot opens the successor of a trusted root.
func VerifyNextRoot(trusted Trusted[metadata.Root], env *metadata.Envelope[metadata.Root], p Policy) (Trusted[metadata.Root], error) {
	none := Trusted[metadata.Root]{}
	role, err := TopLevel(trusted, metadata.RoleRoot, p)
	if err != nil {
		return none, err
	}
	// R-5.3.4a, R-5.3.4b: the old root's keys and its own, each threshold
	// counted by itself.
	if err := checkSignatures(env, role, false); err != nil {
		return none, err
	}
	next, err := VerifyInitialRoot(env, p)
	if err != nil {
		return none, err
	}
	// the very next version. The trusted one is below 2^63-1 if there
	// is a next one to ask for.
	if want, got := trusted.content.Version+1, next.content.Version; got != want {
		return none, wrongVersion(metadata.RoleRoot, want, got)
	}
	return next, nil
}
