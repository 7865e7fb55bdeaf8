package verify

import (
	"bytes"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// parse reads a file in the envelope format that the caller chose.
func parse[T metadata.Content](s *Session, data []byte) (*metadata.Envelope[T], error) {
	return metadata.Parse[T](data, metadata.Options{
		EnvelopeFormat: s.options.EnvelopeFormat, MaxDepth: s.limits.MaxDepth, MaxSignatures: s.limits.MaxSignatures,
	})
}

// verifyTopLevel reads the file of a top-level role other than root and verifies
// its signatures under the trusted root.
func verifyTopLevel[T metadata.Content](s *Session, name string, body []byte) (*storedFile[T], error) {
	envelope, err := parse[T](s, body)
	if err != nil {
		return nil, err
	}
	role, err := roles.TopLevel(s.trusted.root, name, s.options.Policy)
	if err != nil {
		return nil, err
	}
	file, err := roles.Verify(envelope, role)
	return &storedFile[T]{raw: bytes.Clone(body), envelope: envelope, role: role, file: file, byIDs: true}, err
}

// initialRoot verifies a root by its own keys.
func (s *Session) initialRoot(data []byte) (root roles.Trusted[metadata.Root], err error) {
	envelope, err := parse[metadata.Root](s, data)
	if err != nil {
		return root, err
	}
	return roles.VerifyInitialRoot(envelope, s.options.Policy)
}
