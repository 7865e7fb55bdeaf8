package roles

import (
	"errors"
	"fmt"
	"hash"
	"iter"

	"github.com/tufwalk/tufwalk/metadata"
)

// Policy holds the options for signatures, hashes and files. The zero value
// gives the defaults. A Policy must not be changed while it is in use.
type Policy struct {
	// Schemes are additional signature schemes. They cannot replace the
	// built-in ones.
	Schemes map[Scheme]VerifierFunc
	// AllowedSchemes are the signature schemes that are allowed, as keys name
	// them, such as "ed25519". Keys of other schemes are unusable. Nil allows
	// all built-in schemes and those of Schemes.
	AllowedSchemes []string
	// Hashes are additional hash algorithms. They cannot replace sha256 and
	// sha512. Each must be strong, because a file may list no other hash.
	Hashes map[string]func() hash.Hash
	// StrictKeyIDs refuses files in which a key ID is not the hash of the key
	// (R-4.3.K1). Some deployed repositories have such IDs, for example those
	// of Sigstore and GitHub.
	StrictKeyIDs bool
	// StrictTimes refuses files whose time of expiry is not written exactly as
	// YYYY-MM-DDTHH:MM:SSZ.
	StrictTimes bool

	decoded decodedKeys
}

// ErrPolicy is returned (wrapped) when a strict option refuses a file.
var ErrPolicy = errors.New("refused by policy")

// refused returns the error for a file that a strict option refuses.
func refused(role string, h *metadata.Header, reason string) error {
	return fmt.Errorf("%s version %d: %w: %s", metadata.Printable(role), h.Version, ErrPolicy, reason)
}

// strictTime is the layout of a time that StrictTimes accepts, as in package
// time.
const strictTime = "2006-01-02T15:04:05Z"

// check applies the strict options to a file.
func (p *Policy) check(role string, content any) error {
	header, keys := parts(content)
	// one way to write a time
	if p.StrictTimes && header.ExpiresText() != header.Expires.UTC().Format(strictTime) {
		return refused(role, header,
			fmt.Sprintf("found time of expiry %q, want a time like %s", header.ExpiresText(), strictTime))
	}
	if !p.StrictKeyIDs || keys == nil {
		return nil
	}
	// .K1: the ID is the hash of the key.
	for k := range keys {
		if want := k.ContentID(); k.ID != want {
			return refused(role, header, fmt.Sprintf("found key ID %q, want %s", k.ID, want))
		}
	}
	return nil
}

// parts returns the header of a content and the keys that it lists. The keys
// are nil for a content that cannot list keys.
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
