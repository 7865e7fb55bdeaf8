package roles

import (
	"errors"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
)

var (
	// ErrRollback is returned (wrapped) when a version is lower than the one
	// trusted before.
	ErrRollback = errors.New("rollback")
	// ErrVersion is returned (wrapped) when a file has another version than the
	// expected one.
	ErrVersion = errors.New("wrong version")
	// ErrExpired is returned (wrapped) when a file has expired.
	ErrExpired = errors.New("expired")
)

// RollbackError is the error for a version that is lower than the one trusted
// before. The version is that of a role, or that of a file which the role
// lists. RollbackError wraps ErrRollback.
type RollbackError struct {
	// Role is the name of the role.
	Role string
	// File is the name of the listed file, such as "targets.json". It is empty
	// if the version is that of the role.
	File string
	// Trusted is the version that was trusted before, and Found the new one.
	// Found is 0 if the file is not listed any more.
	Trusted, Found int64
}

func (e *RollbackError) Error() string {
	subject := metadata.Printable(e.Role)
	if e.File != "" {
		subject += ", " + metadata.Printable(e.File)
	}
	found := fmt.Sprintf("found version %d", e.Found)
	if e.Found == 0 {
		found = "now it is not listed"
	}
	return fmt.Sprintf("%s: %v: version %d was trusted before, %s", subject, ErrRollback, e.Trusted, found)
}

func (e *RollbackError) Unwrap() error { return ErrRollback }

func wrongVersion(role string, want, got int64) error {
	return fmt.Errorf("%s: %w: want %d, found %d", metadata.Printable(role), ErrVersion, want, got)
}

// ExpiredError is the error for a file that has expired. It wraps ErrExpired.
type ExpiredError struct {
	// Role is the name of the role.
	Role string
	// Version is the version of the file.
	Version int64
	// Expires is the time at which the file expired, and At the time for which
	// that was checked.
	Expires, At time.Time
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%s version %d: %v since %s (the time is taken to be %s)",
		metadata.Printable(e.Role), e.Version, ErrExpired,
		e.Expires.UTC().Format(time.RFC3339), e.At.UTC().Format(time.RFC3339))
}

func (e *ExpiredError) Unwrap() error { return ErrExpired }

// CheckExpiry returns an *ExpiredError if a file is expired at the given time.
// A file expires at the time in its header, not after it.
//
// the time of expiry must be
// later than the start of the update, which is the time to pass.
func CheckExpiry(role string, h metadata.Header, at time.Time) error {
	if h.Expires.After(at) {
		return nil
	}
	return &ExpiredError{role, h.Version, h.Expires, at}
}

// NewerTimestamp returns the timestamp to use: next, or stored if their
// versions are equal. The stored one is the timestamp trusted before, or the
// zero value. It protects against rollback even if it is expired.
// Errors are *RollbackError, or ErrUntrusted if next is the zero value.
func NewerTimestamp(stored, next Trusted[metadata.Timestamp]) (Trusted[metadata.Timestamp], error) {
	none := Trusted[metadata.Timestamp]{}
	if next.content == nil {
		return none, ErrUntrusted
	}
	if stored.content == nil {
		return next, nil
	}
	before, after := stored.content.Version, next.content.Version
	switch {
	case after < before: // R-5.4.3.1a
		return none, &RollbackError{metadata.RoleTimestamp, "", before, after}
	case after == before: // R-5.4.3.1b: the new file is ignored, without an error.
		return stored, nil
	}
	before, after = stored.content.Snapshot().Version, next.content.Snapshot().Version
	if after < before { // R-5.4.3.2
		return none, &RollbackError{metadata.RoleTimestamp, "snapshot.json", before, after}
	}
	return next, nil
}

// CheckSnapshot compares the version of a snapshot with the one that the
// timestamp lists, and the versions of its files with those of the stored
// snapshot. The stored one is the snapshot trusted before, or the zero value.
// It protects against rollback even if it is expired or has another version
// (R-5.5.5b). Errors wrap ErrVersion, ErrRollback or ErrUntrusted.
func CheckSnapshot(stored, next Trusted[metadata.Snapshot], listed metadata.MetaFile) error {
	if next.content == nil {
		return ErrUntrusted
	}
	if got := next.content.Version; got != listed.Version {
		return wrongVersion(metadata.RoleSnapshot, listed.Version, got)
	}
	if stored.content == nil || stored.content == next.content {
		return nil
	}
	// R-5.5.5a: no listed file may have a lower version or disappear.
	for c := range metadata.Changes(stored.content, next.content) {
		if c.New.Version < c.Old.Version {
			return &RollbackError{metadata.RoleSnapshot, c.Name, c.Old.Version, c.New.Version}
		}
	}
	return nil
}

// CheckTargets compares the version of a targets file, top-level or delegated,
// with the one that the snapshot lists. Errors wrap ErrVersion or ErrUntrusted.
func CheckTargets(next Trusted[metadata.Targets], listed metadata.MetaFile) error {
	if next.content == nil {
		return ErrUntrusted
	}
	if got := next.content.Version; got != listed.Version {
		return wrongVersion(next.name, listed.Version, got)
	}
	return nil
}
