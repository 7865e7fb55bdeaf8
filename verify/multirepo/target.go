package multirepo

import (
	"cmp"
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
	// Hashes are the digests that a file must have: all strong ones that the
	// repositories in agreement list. sha512 comes first, then sha256, then the
	// others sorted by name.
	Hashes []Hash
	// Expires is when the first of the files that attest the target expires, in
	// any of the repositories in agreement.
	Expires time.Time
	// Attestations are one for each repository in agreement, in the order of
	// the map's entry.
	Attestations []Attestation

	checked []*verify.Target // a file is checked against these; together they list all hashes
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
func newTarget(path string, e *entry, agreed set, targets []*verify.Target, listings []*listing) *Target {
	t := &Target{Path: path}
	var members []int
	for i, one := range targets {
		if !agreed.has(i) {
			continue
		}
		members = append(members, i)
		t.Length = one.Length
		if t.Expires.IsZero() || one.Expires.Before(t.Expires) {
			t.Expires = one.Expires
		}
		t.Attestations = append(t.Attestations, Attestation{e.members[i].name, one.Role, one})
		t.addHashes(one, *listings[i])
	}
	// Those that list the most hashes come first. Mostly one of them lists all,
	// and the file is hashed once.
	slices.SortStableFunc(members, func(a, b int) int {
		return len(listings[b].strong) - len(listings[a].strong)
	})
	var covering []*listing
	for _, i := range members {
		if !slices.ContainsFunc(covering, func(l *listing) bool { return l.covers(*listings[i]) }) {
			covering, t.checked = append(covering, listings[i]), append(t.checked, targets[i])
		}
	}
	return t
}

// addHashes adds the strong hashes of one repository that no other one listed
// before. The order is that of Target.Hashes, whatever the repositories list.
func (t *Target) addHashes(one *verify.Target, l listing) {
	for name := range one.Hashes.All() {
		known := slices.ContainsFunc(t.Hashes, func(h Hash) bool { return h.Algorithm == name })
		if digest, ok := l.strong[name]; ok && !known {
			t.Hashes = append(t.Hashes, Hash{name, digest})
		}
	}
	slices.SortFunc(t.Hashes, func(a, b Hash) int {
		return cmp.Or(cmp.Compare(rank(a.Algorithm), rank(b.Algorithm)), cmp.Compare(a.Algorithm, b.Algorithm))
	})
}

// rank puts sha512 first, sha256 next, and all others behind them.
func rank(algorithm string) int {
	return -slices.Index([]string{"sha256", "sha512"}, algorithm)
}
