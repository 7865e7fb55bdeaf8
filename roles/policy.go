package roles

import (
	"errors"
	"fmt"
	"hash"
	"iter"

	"github.com/tufwalk/tufwalk/metadata"
)

// Policy says what is taken beyond, or refused short of, the usual. The zero
// value is the default. It must not be changed while it is in use.
type Policy struct {
	// Schemes are more signature schemes than the built-in ones, which they
	// cannot replace.
	Schemes map[Scheme]NewVerifier
	// Hashes are more hash algorithms than sha256 and sha512, which they cannot
	// replace. Each one is taken to be strong: a file that lists no other is
	// accepted by it alone.
	Hashes map[string]func() hash.Hash
	// StrictKeyIDs refuses files in which a key's ID is not the hash of the key
	// (R-4.3.K1). Deployed repositories, Sigstore's and GitHub's among them,
	// have such IDs.
	StrictKeyIDs bool
	// StrictTimes refuses times of expiry that are not written exactly as
	// YYYY-MM-DDTHH:MM:SSZ.
	StrictTimes bool
}

// ErrPolicy is returned (wrapped) when a strict option refuses a file.
var ErrPolicy = errors.New("refused by policy")

// refused says which file a strict option refuses, and why.
func refused(role string, h *metadata.Header, reason string, args ...any) error {
	return fmt.Errorf("%s version %d: %w: "+reason, append([]any{metadata.Printable(role), h.Version, ErrPolicy}, args...)...)
}

// strictTime is the one form of a time that StrictTimes takes, in the notation
// of package time.
const strictTime = "2006-01-02T15:04:05Z"

// check applies the strict options to a file.
func (p *Policy) check(role string, content any) error {
	header, keys := parts(content)
	if p.StrictTimes && header.ExpiresText() != header.Expires.UTC().Format(strictTime) {
		return refused(role, header, "time of expiry %q, want the form %s", header.ExpiresText(), strictTime)
	}
	if !p.StrictKeyIDs || keys == nil {
		return nil
	}
	for k := range keys {
		if want := k.ContentID(); k.ID != want {
			return refused(role, header, "key ID %q, want %s", k.ID, want)
		}
	}
	return nil
}

// parts returns the header of a content and the keys that it lists, if any.
func parts(content any) (*metadata.Header, iter.Seq[metadata.Key]) {
	switch c := content.(type) {
	case *metadata.Root:
		return &c.Header, c.Keys()
	case *metadata.Timestamp:
		return &c.Header, nil
	case *metadata.Snapshot:
		return &c.Header, nil
	case *metadata.Targets:
		if d := c.Delegations(); d != nil {
			return &c.Header, d.Keys()
		}
		return &c.Header, nil
	}
	return new(metadata.Header), nil
}
