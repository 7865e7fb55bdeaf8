package verify

import (
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
}

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
