package multirepo

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// Target is a file that enough repositories vouch for. It is immutable and
// independent of the group. The zero Target accepts nothing.
type Target struct {
	// Path is the target path, as it was looked up.
	Path string
	// Length is its exact length in bytes.
	Length int64
	// Hashes are the digests that a file must have: all strong ones that those
	// who agree list, sha512 first, sha256 next.
	Hashes []Hash
	// Expires is when the first of the files that vouch for it expires, in any
	// of the repositories that agree.
	Expires time.Time
	// Attestations are those who agree, in the order of the map's entry.
	Attestations []Attestation

	attested []*verify.Target // to check a file against: together they say all that was agreed on
}

// Hash is a digest in lower-case hexadecimal, and its algorithm.
type Hash struct{ Algorithm, Digest string }

// Attestation is a repository that vouches for a target, and what is its own
// about it.
type Attestation struct {
	Repository string
	// Role is the role that lists the target there.
	Role   string
	target *verify.Target
}

// URLPaths returns where a mirror of this repository keeps the file, as
// verify.Target.URLPaths does.
func (v Attestation) URLPaths() ([]string, error) {
	if v.target == nil {
		return nil, roles.ErrUntrusted
	}
	return v.target.URLPaths()
}

// PlainURLPath returns the path without a digest in the name, as
// verify.Target.PlainURLPath does.
func (v Attestation) PlainURLPath() (string, error) {
	if v.target == nil {
		return "", roles.ErrUntrusted
	}
	return v.target.PlainURLPath()
}

// Custom returns this repository's extra data for the target. No other
// repository has vouched for it.
func (v Attestation) Custom() ([]byte, bool) {
	if v.target == nil {
		return nil, false
	}
	return v.target.Custom()
}

func newTarget(path string, e *entry, agreed set, targets []*verify.Target, statements []*statement) *Target {
	t := &Target{Path: path, Expires: earliest(targets, agreed)}
	var who []int
	for i, one := range targets {
		if agreed.has(i) {
			who = append(who, i)
			t.Length = one.Length
			t.Attestations = append(t.Attestations, Attestation{e.members[i].name, one.Role, one})
			t.addHashes(one, *statements[i])
		}
	}
	// Those who say most come first, so that mostly one of them says it all,
	// and the file is hashed once.
	slices.SortStableFunc(who, func(a, b int) int { return len(statements[b].strong) - len(statements[a].strong) })
	var said []statement
	for _, i := range who {
		if !slices.ContainsFunc(said, func(s statement) bool { return s.covers(*statements[i]) }) {
			said, t.attested = append(said, *statements[i]), append(t.attested, targets[i])
		}
	}
	return t
}

// earliest is the first of the times at which a word expires.
func earliest(targets []*verify.Target, agreed set) (first time.Time) {
	for i, t := range targets {
		if agreed.has(i) && (first.IsZero() || t.Expires.Before(first)) {
			first = t.Expires
		}
	}
	return first
}

// addHashes adds what one repository lists and no other did before. The order
// is that of metadata.Hashes, whoever lists what.
func (t *Target) addHashes(one *verify.Target, s statement) {
	for name := range one.Hashes.All() {
		if digest, ok := s.strong[name]; ok && !slices.ContainsFunc(t.Hashes, func(h Hash) bool { return h.Algorithm == name }) {
			t.Hashes = append(t.Hashes, Hash{name, digest})
		}
	}
	slices.SortFunc(t.Hashes, func(a, b Hash) int {
		return cmp.Or(cmp.Compare(rank(a.Algorithm), rank(b.Algorithm)), cmp.Compare(a.Algorithm, b.Algorithm))
	})
}

// rank puts sha512 first and sha256 next.
func rank(algorithm string) int {
	return -slices.Index([]string{"sha256", "sha512"}, algorithm)
}

// Copy copies the file from src to dst and returns nil only if it is whole and
// right in the eyes of every repository that agreed; see verify.Target.Copy.
func (t *Target) Copy(dst io.Writer, src io.Reader) error {
	v := t.Verifier() // dst gets only what it lets through
	if _, err := io.Copy(io.MultiWriter(v, dst), src); err != nil {
		return err
	}
	return v.Verify()
}

// Verifier checks a target's bytes as they come, like verify.Verifier, against
// all that was agreed on. The zero Verifier accepts nothing.
type Verifier struct {
	checks  []*verify.Verifier
	written int64
	err     error
}

// Verifier begins a check.
func (t *Target) Verifier() *Verifier {
	v := new(Verifier)
	for _, word := range t.attested {
		v.checks = append(v.checks, word.Verifier())
	}
	return v
}

// Write takes the next bytes. It fails at the first byte too many and, with the
// last byte, if a hash does not match; from then on it fails for ever. Success
// says nothing yet about the bytes: Verdict does.
func (v *Verifier) Write(p []byte) (int, error) {
	if len(v.checks) == 0 {
		v.err = roles.ErrUntrusted
	}
	for _, check := range v.checks {
		if v.err == nil {
			_, v.err = check.Write(p)
		}
	}
	if v.err != nil {
		return 0, v.err
	}
	v.written += int64(len(p))
	return len(p), nil
}

// Written returns how many bytes have been taken.
func (v *Verifier) Written() int64 { return v.written }

// Verdict returns nil if the bytes written are the whole file and the right
// one. Only then may they be used. Errors are those of verify.Verifier.
func (v *Verifier) Verify() error {
	if len(v.checks) == 0 {
		return roles.ErrUntrusted
	}
	err := v.err
	for _, check := range v.checks {
		if err == nil {
			err = check.Verify()
		}
	}
	return err
}
