package roles

import (
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
)

var (
	// ErrLength is returned (wrapped) for a file that is too long or too short.
	ErrLength = errors.New("wrong length")
	// ErrHash is returned (wrapped) for a file that does not have its hash.
	ErrHash = metadata.ErrHash
)

// LengthError says how long a file should have been. A file that is too long
// may not have been read to its end: then Got is where the reading stopped.
type LengthError struct {
	// File is the role or the target path.
	File      string
	Want, Got int64
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("%s: %v: want %d bytes, found %d", metadata.Printable(e.File), ErrLength, e.Want, e.Got)
}

func (e *LengthError) Unwrap() error { return ErrLength }

// HashError says which file does not have its hash. It wraps a
// *metadata.HashError.
type HashError struct {
	// File is the role or the target path.
	File string
	Err  error
}

func (e *HashError) Error() string { return metadata.Printable(e.File) + ": " + e.Err.Error() }
func (e *HashError) Unwrap() error { return e.Err }

// CheckFile compares a file's bytes, as received, with the length and the
// hashes that are listed for it, if any.
//
// before anything in the file is believed.
func CheckFile(role string, data []byte, listed metadata.MetaFile, p Policy) error {
	if listed.Length >= 0 && int64(len(data)) != listed.Length {
		return &LengthError{role, listed.Length, int64(len(data))}
	}
	if !listed.Hashes.Listed() {
		return nil
	}
	c, err := listed.Hashes.NewChecker(p.Hashes)
	if err == nil {
		_, _ = c.Write(data) // never fails
		err = c.Check()
	}
	if err != nil {
		return &HashError{role, err}
	}
	return nil
}
