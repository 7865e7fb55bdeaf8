package roles

import (
	"errors"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
)

var (
	// ErrRollback is returned (wrapped) when a version goes back.
	ErrRollback = errors.New("rollback")
	// ErrVersion is returned (wrapped) for a version other than the wanted one.
	ErrVersion = errors.New("wrong version")
	// ErrExpired is returned (wrapped) for a file that has expired.
	ErrExpired = errors.New("expired")
)

// RollbackError says which version went back. It may be that of a file which
// the named role lists.
type RollbackError struct {
	Role string
	// File is the file whose version went back, if not the role's own.
	File string
	// Trusted is the version that was trusted before, and Found the one offered
	// now; 0 if the file is not listed any more.
	Trusted, Found int64
}

func (e *RollbackError) Error() string {
	subject := metadata.Printable(e.Role)
	if e.File != "" {
		subject += ", " + metadata.Printable(e.File)
	}
	found := fmt.Sprintf("found version %d", e.Found)
	if e.Found == 0 {
		found = "it is gone"
	}
	return fmt.Sprintf("%s: %v: version %d was trusted before, %s (to give it up on purpose, start without the saved %s.json)", subject, ErrRollback, e.Trusted, found, e.Role)
}

func (e *RollbackError) Unwrap() error { return ErrRollback }

func wrongVersion(role string, want, got int64) error {
	return fmt.Errorf("%s: %w: want %d, found %d", metadata.Printable(role), ErrVersion, want, got)
}

// ExpiredError says since when a file is not to be trusted any more.
type ExpiredError struct {
	Role        string
	Version     int64
	Expires, At time.Time
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%s version %d: %v since %s (the time is taken to be %s)", metadata.Printable(e.Role), e.Version, ErrExpired,
		e.Expires.UTC().Format(time.RFC3339), e.At.UTC().Format(time.RFC3339))
}

func (e *ExpiredError) Unwrap() error { return ErrExpired }

// CheckExpiry refuses a file at and after the moment of its expiry.
//
// expires must be later than the
// start of the update.
func CheckExpiry(role string, h metadata.Header, at time.Time) error {
	if h.Expires.After(at) {
		return nil
	}
	return &ExpiredError{role, h.Version, h.Expires, at}
}

// NewerTimestamp returns the timestamp to go on with: next, or floor if the
// versions are equal. The floor is the one trusted before, expired or not
// the zero value if there is none.
func NewerTimestamp(stored, next Trusted[metadata.Timestamp]) (Trusted[metadata.Timestamp], error) {
	none := Trusted[metadata.Timestamp]{}
	if next.content == nil {
		return none, ErrUntrusted
	}
	if stored.content == nil {
		return next, nil
	}
	old, new := stored.content, next.content
	switch {
	case new.Version < old.Version: // R-5.4.3.1a
		return none, &RollbackError{Role: metadata.RoleTimestamp, Trusted: old.Version, Found: new.Version}
	case new.Version == old.Version: // R-5.4.3.1b: the new file is dropped, and that is no error.
		return stored, nil
	case new.Snapshot().Version < old.Snapshot().Version: // R-5.4.3.2
		return none, &RollbackError{metadata.RoleTimestamp, "snapshot.json", old.Snapshot().Version, new.Snapshot().Version}
	}
	return next, nil
}

// CheckSnapshot compares a snapshot with what the timestamp says of it and with
// the one trusted before, expired or of another version as that may be
// (R-5.5.5b); the zero value if there is none.
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
	// R-5.5.5a: no listed file may go back or vanish.
	for c := range metadata.Changes(stored.content, next.content) {
		if c.New.Version < c.Old.Version {
			return &RollbackError{metadata.RoleSnapshot, c.Name, c.Old.Version, c.New.Version}
		}
	}
	return nil
}

// CheckTargets compares a targets file, top-level or delegated, with what the
// snapshot says of it.
func CheckTargets(next Trusted[metadata.Targets], listed metadata.MetaFile) error {
	if next.content == nil {
		return ErrUntrusted
	}
	if got := next.content.Version; got != listed.Version {
		return wrongVersion(next.name, listed.Version, got)
	}
	return nil
}
