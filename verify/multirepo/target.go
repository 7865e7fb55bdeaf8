package multirepo

import (
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// Target is a file that enough repositories attest. It is immutable and
// independent of the group. The zero Target accepts nothing.
type Target struct {
	// Path is the target path, as it was looked up.
	Path string
	// Length is the exact length in bytes.
	Length int64
	// Hashes are the digests that a file must have: the strong ones without
	// which it cannot satisfy a threshold of the repositories in agreement.
	// There is one at least. sha512 comes first, then sha256, then the others
	// sorted by name.
	Hashes []Hash
	// Expires is when the first of the files that attest the target expires, in
	// any of the repositories in agreement.
	Expires time.Time
	// Attestations are one for each repository in agreement, in the order of
	// the map's entry.
	Attestations []Attestation

	agreement  *agreement
	statements []statement
}

// statement is what some of the repositories in agreement list.
type statement struct {
	target       *verify.Target
	repositories set
}

// Hash is a digest in lower-case hexadecimal, and its algorithm.
type Hash struct{ Algorithm, Digest string }

// Attestation says that a repository lists a target, and has what only this
// repository says about it.
type Attestation struct {
	Repository string
	// Role is the role that lists the target there.
	Role   string
	target *verify.Target
}

// URLPaths returns where a mirror of this repository has the file, as
// verify.Target.URLPaths does.
func (a Attestation) URLPaths() ([]string, error) {
	if a.target == nil {
		return nil, roles.ErrUntrusted
	}
	return a.target.URLPaths()
}

// PlainURLPath returns the path without a digest in the name, as
// verify.Target.PlainURLPath does.
func (a Attestation) PlainURLPath() (string, error) {
	if a.target == nil {
		return "", roles.ErrUntrusted
	}
	return a.target.PlainURLPath()
}

// Custom returns this repository's custom data for the target, as
// verify.Target.Custom does. No other repository attests it.
func (a Attestation) Custom() ([]byte, bool) {
	if a.target == nil {
		return nil, false
	}
	return a.target.Custom()
}

// newTarget makes the target that repositories agree on. (TAP 4 step 4)
func newTarget(path string, e *entry, a *agreement, q quorum, targets []*verify.Target) *Target {
	t := &Target{Path: path, Hashes: q.hashes, agreement: a}
	var first []int // of the repositories that list the same
	for i, one := range targets {
		if !q.agreed.has(i) {
			continue
		}
		t.Length = one.Length
		if t.Expires.IsZero() || one.Expires.Before(t.Expires) {
			t.Expires = one.Expires
		}
		t.Attestations = append(t.Attestations, Attestation{e.members[i].name, one.Role, one})
		n := slices.IndexFunc(first, func(j int) bool { return a.listings[i].equal(a.listings[j]) })
		if n < 0 {
			n, first = len(first), append(first, i)
			t.statements = append(t.statements, statement{target: one})
		}
		t.statements[n].repositories |= 1 << i
	}
	return t
}
