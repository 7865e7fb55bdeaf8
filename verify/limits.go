package verify

import (
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
)

// Limits bound what a session accepts. Zero fields mean the defaults; below
// zero nothing is accepted.
type Limits struct {
	MaxRootBytes int64 // of a root file; default 512,000
	// MaxTimestampBytes bounds a timestamp file; default 32,768: two ML-DSA-87
	// signatures have 18,508 hexadecimal digits.
	MaxTimestampBytes int64
	MaxSnapshotBytes  int64 // of a snapshot file; default 8,000,000
	MaxTargetsBytes   int64 // of a targets file, top-level or delegated; default 8,000,000
	// MaxAheadBytes bounds all answers to requests ahead that wait for their
	// turn; default 8,000,000.
	MaxAheadBytes int64
	// MaxRetainedBytes bounds the targets files that Renew takes over, by the
	// size of their files, the least recently used left out first; default
	// 64,000,000: more than a thousand hash bins of PEP 458, of 54,349 bytes
	// each.
	MaxRetainedBytes int64
	// MaxRootRotations bounds the roots newer than the stored root that one
	// update accepts; default 256. If nothing is stored, these are the roots
	// newer than the initial trusted root. At the limit the update goes on with
	// the roots that it has, and Session.Warnings has an error that wraps
	// ErrLimit. If the stored root was not reached by then, the update ends
	// with ErrLimit.
	MaxRootRotations int
	MaxDelegations   int // roles that one lookup visits, the top-level targets role included; default 32
	// MaxMatchSteps bounds the work of comparing the path of one lookup with
	// the patterns of all roles that it visits, in bytes that are compared: see
	// delegation.Options; default 250,000,000.
	MaxMatchSteps int64
	MaxDepth      int // levels of JSON nesting; default 64, at most 1,000
	MaxSignatures int // signatures of a file; default 1,024
}

func (l Limits) withDefaults() Limits {
	l.MaxRootBytes = orDefault(l.MaxRootBytes, 512_000)
	l.MaxTimestampBytes = orDefault(l.MaxTimestampBytes, 32_768) // R-T21.4
	l.MaxSnapshotBytes = orDefault(l.MaxSnapshotBytes, 8_000_000)
	l.MaxTargetsBytes = orDefault(l.MaxTargetsBytes, 8_000_000)
	l.MaxAheadBytes = orDefault(l.MaxAheadBytes, 8_000_000)
	l.MaxRetainedBytes = orDefault(l.MaxRetainedBytes, 64_000_000)
	l.MaxRootRotations = orDefault(l.MaxRootRotations, 256)
	return l
}

// maxBytes returns the limit for the files of a role.
func (l Limits) maxBytes(role string) int64 {
	switch role {
	case metadata.RoleRoot:
		return l.MaxRootBytes
	case metadata.RoleTimestamp:
		return l.MaxTimestampBytes
	case metadata.RoleSnapshot:
		return l.MaxSnapshotBytes
	}
	return l.MaxTargetsBytes
}

func orDefault[N int | int64](n, standard N) N {
	if n == 0 {
		return standard
	}
	return n
}

// LimitError says which of the session's limits was reached.
type LimitError struct {
	Role string
	// What is limited, and so the unit of Max and Got: "bytes", "new roots in
	// one update" or "candidates".
	What     string
	Max, Got int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %v: %d %s, at most %d are accepted",
		metadata.Printable(e.Role), ErrLimit, e.Got, e.What, e.Max)
}

func (e *LimitError) Unwrap() error { return ErrLimit }
