package verify

import (
	"errors"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// phase is a part of an update. The table in doc.go says what each one waits
// for.
type phase int

const (
	phaseRoot phase = iota
	phaseTimestamp
	phaseSnapshot
	phaseTargets
	phaseReady
	phaseFailed
)

// update is the state of the running update.
type update struct {
	phase         phase
	awaited       *task // the request that the phase waits for; nil: it waits for none
	err           error // what ended the update
	broken        error // what ended the session: none of its answers may be used any more
	warnings      []error
	uncertain     bool // it was reported that every "no such target" is uncertain
	acceptedRoots int
	newRoots      int // those of them that are newer than the stored root
	chainEnd      ChainEnd
}

// ChainEnd says how an update's chain of roots ended. The last root
// decides whose files are trusted: one that has been replaced, or a wrong
// initial trusted root, makes good files look wrong.
type ChainEnd struct {
	// Version is that of the last root.
	Version int64
	// Next is the file that would have been the next root, as in Request.Path;
	// empty if there can be none.
	Next string
	// Err says why there is no next one: an error that wraps ErrNotAtSource
	// and has what each source said (after Run, a *SourceError each), or a
	// *LimitError.
	Err error
}

// String describes the end in one line.
func (e ChainEnd) String() string {
	if e.Next == "" {
		return fmt.Sprintf("last root: version %d; %v", e.Version, e.Err)
	}
	return fmt.Sprintf("last root: version %d; %s: %v", e.Version, e.Next, e.Err)
}

var errNoNextRoot = errors.New("no version can follow")

// lastRootError is an error that the last root of the chain causes.
//
// it says how the chain ended. It does not wrap that.
type lastRootError struct {
	end ChainEnd
	err error
}

func (e *lastRootError) Error() string { return fmt.Sprintf("%v (%v)", e.err, e.end) }
func (e *lastRootError) Unwrap() error { return e.err }

// fail ends the update.
func (u *update) fail(err error) { u.phase, u.err = phaseFailed, err }

func (u *update) warn(err error) { u.warnings = append(u.warnings, err) }

// trusted are the files of the top-level roles, except targets, that the update
// trusts so far.
type trusted struct {
	root     roles.Trusted[metadata.Root]
	rootFile []byte // its bytes, as received
	// unconfirmed says that root is the one that the session began with, and
	// that no file signed under it has been accepted yet.
	unconfirmed bool
	timestamp   roles.Trusted[metadata.Timestamp]
	snapshot    roles.Trusted[metadata.Snapshot]
}

// expires returns the earliest expiry of the trusted top-level files.
func (t *trusted) expires(targets roles.Trusted[metadata.Targets]) time.Time {
	earliest := t.root.Header().Expires
	for _, h := range []metadata.Header{t.timestamp.Header(), t.snapshot.Header(), targets.Header()} {
		if h.Version > 0 && h.Expires.Before(earliest) {
			earliest = h.Expires
		}
	}
	return earliest
}
