package roles

import (
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
)

var (
	// ErrLength is returned (wrapped) when a file is too long or too short.
	ErrLength = errors.New("wrong length")
	// ErrHash is returned (wrapped) when a file does not have its listed
	// hashes. It is metadata.ErrHash.
	ErrHash = metadata.ErrHash
)

// LengthError is the error for a file of the wrong length. It wraps ErrLength.
type LengthError struct {
	// File is the name of the role or the target path.
	File string
	// Want is the listed length and Got the length of the file, in bytes. If a
	// file is too long, it may not have been read to its end. Got is then the
	// number of bytes that were read.
	Want, Got int64
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("%s: %v: want %d bytes, found %d", metadata.Printable(e.File), ErrLength, e.Want, e.Got)
}

func (e *LengthError) Unwrap() error { return ErrLength }

// HashError is the error for a file without its listed hashes.
type HashError struct {
	// File is the name of the role or the target path.
	File string
	// Err is a *metadata.HashError, which wraps ErrHash.
	Err error
}

func (e *HashError) Error() string { return metadata.Printable(e.File) + ": " + e.Err.Error() }
func (e *HashError) Unwrap() error { return e.Err }

// CheckFile compares the bytes of a file, as received, with its listed length
// and hashes. Either may be absent. Errors are *LengthError or *HashError.
//
// this comes before the file is parsed.
func CheckFile(role string, data []byte, listed metadata.MetaFile, p Policy) error {
	if listed.Length >= 0 && int64(len(data)) != listed.Length {
		return &LengthError{role, listed.Length, int64(len(data))}
	}
	if !listed.Hashes.Listed() {
		return nil
	}
	c, err := listed.Hashes.NewChecker(p.Hashes)
	if err == nil {
		_, _ = c.Write(data)
		err = c.Check()
	}
	if err != nil {
		return &HashError{role, err}
	}
	return nil
}
