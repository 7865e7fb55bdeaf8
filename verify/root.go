package verify

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// stepRoot returns the request for the next root, or ends the chain. (5.3.2,
// 5.3.3)
//
// after each accepted root comes the next one.
func (s *Session) stepRoot() *task {
	version := s.trusted.root.Header().Version
	switch {
	case version == math.MaxInt64: // there can be no next one
		s.endRoots(ChainEnd{Version: version, Err: errNoNextRoot})
		return nil
	case s.update.newRoots >= s.limits.MaxRootRotations: // R-5.3.3c
		err := s.tooManyRoots()
		s.update.warn(err)
		s.endRoots(ChainEnd{version, metadata.FileName(metadata.RoleRoot, version+1), err})
		return nil
	}
	return s.rootTask(version + 1)
}

func (s *Session) tooManyRoots() error {
	limit := int64(s.limits.MaxRootRotations)
	return &LimitError{metadata.RoleRoot, "new roots in one update", limit, limit + 1}
}

func (s *Session) rootTask(version int64) *task {
	return &task{Request: Request{ // R-5.3.3a
		Role: metadata.RoleRoot, Version: version, Delegator: metadata.RoleRoot,
		Path: metadata.FileName(metadata.RoleRoot, version), StoreName: rootName(version),
		MaxBytes: s.limits.MaxRootBytes, Optional: true,
	}}
}

// lookAhead asks for the timestamp, and for roots beyond the next one: for as
// many more as this update has accepted, so that the number of rounds grows
// with the logarithm of their number, and for those that are known to exist
// because a later one is stored.
func (s *Session) lookAhead() {
	if s.queue.mayAhead() {
		if t := s.stepTimestamp(); !s.queue.askedAhead(t.Path) {
			s.queue.askAhead(t)
		}
	}
	next := s.trusted.root.Header().Version + 1
	stored := max(0, s.stored.root-next+1)
	left := min(int64(s.limits.MaxRootRotations-s.update.newRoots), math.MaxInt64-stored)
	window := min(max(int64(s.update.acceptedRoots), stored), stored+left-1, math.MaxInt64-next)
	for v := next + 1; v-next <= window && s.queue.mayAhead(); v++ {
		if t := s.rootTask(v); !s.queue.askedAhead(t.Path) {
			s.queue.askAhead(t)
		}
	}
}

func (s *Session) checkRoot(body []byte) (next roles.Trusted[metadata.Root], err error) {
	envelope, err := parse[metadata.Root](s, body)
	if err != nil {
		return next, err
	}
	// R-5.3.4a and are checked there: the expiry of a root on
	// the way does not matter.
	return roles.VerifyNextRoot(s.trusted.root, envelope, s.policy)
}

func (s *Session) acceptRoot(t *task, a answer, next roles.Trusted[metadata.Root]) {
	s.saveFirstRoot()
	s.trusted.root, s.trusted.rootFile = next, bytes.Clone(a.body)
	s.update.acceptedRoots++
	if next.Header().Version > s.stored.root { // those up to a root that was trusted before were counted then
		s.update.newRoots++
	}
	if !a.saved {
		s.queue.save(s.rootRecord(t.StoreName))
	}
	s.saveNewestRoot()
}

// saveFirstRoot queues the root that the session began with under its version.
// It waits for another file that is signed under it: a wrong root must not come
// to lie in a store.
func (s *Session) saveFirstRoot() {
	if !s.trusted.unconfirmed {
		return
	}
	s.trusted.unconfirmed = false
	if version := s.trusted.root.Header().Version; version > s.stored.savedRoot {
		s.queue.save(s.rootRecord(rootName(version)))
	}
}

// saveNewestRoot queues the trusted root as the newest one, unless a newer one
// is stored, which the roots on the way to it must not replace, or the very
// same.
func (s *Session) saveNewestRoot() {
	version := s.trusted.root.Header().Version
	if version < s.stored.root || s.stored.hasSavedRoot(s.trusted.rootFile) {
		return
	}
	s.queue.save(s.rootRecord(nameRoot))
	s.stored.noteRoot(s.trusted.rootFile, version)
	s.stored.noteSavedRoot(s.trusted.rootFile, version)
}

func (s *Session) rootRecord(name string) Record {
	version := s.trusted.root.Header().Version
	path := metadata.FileName(metadata.RoleRoot, version)
	return Record{Role: metadata.RoleRoot, Version: version, Path: path, StoreName: name, Data: s.trusted.rootFile}
}

// ends says whether the chain of roots ends by what the sources said about the
// next root.
//
// R-5.3.3b: at least one of them has said that it does not exist. (F10)
func (s *Session) ends(said []error) bool {
	n := len(unconfirmed(said))
	return n == 0 || n < len(said) && !s.options.EverySource
}

// endByAbsence ends the chain of roots because there is no next one, and warns
// if that is not the word of every source.
func (s *Session) endByAbsence(t *task, said []error) {
	end := ChainEnd{t.Version - 1, t.Path, ErrNotAtSource}
	if len(said) > 0 {
		end.Err = sourceErrors(said)
	}
	if others := unconfirmed(said); len(others) > 0 {
		s.update.warn(fmt.Errorf("%s: %w: %w", t.Path, ErrUnconfirmed, sourceErrors(others)))
	}
	s.endRoots(end)
}

// endRoots ends the chain, and judges the stored files by the last root.
// (5.3.11)
func (s *Session) endRoots(end ChainEnd) {
	s.update.chainEnd = end
	s.queue.dropEarly(false)
	final := s.trusted.root.Header()
	if limit, cut := end.Err.(*LimitError); cut && final.Version < s.stored.root {
		s.update.fail(limit)
		return
	}
	if err := s.checkLastRoot(final); err != nil {
		s.update.fail(&lastRootError{end, err})
		return
	}
	s.update.phase = phaseTimestamp
	chooseStored(s, metadata.RoleTimestamp, &s.stored.timestamp)
	chooseStored(s, metadata.RoleSnapshot, &s.stored.snapshot)
}

// checkLastRoot judges the last root of the chain. (5.3.10)
func (s *Session) checkLastRoot(last metadata.Header) error {
	if last.Version < s.stored.root {
		return &StoredRootError{Name: nameRoot, Stored: s.stored.root, Found: last.Version}
	}
	return roles.CheckExpiry(metadata.RoleRoot, last, s.now)
}

// nameLastRoot adds how the chain of roots ended to the error of a file that
// the keys of the last root have not signed: there may be a newer root, with
// other keys.
func (s *Session) nameLastRoot(t *task, err error) error {
	if t.Delegator != metadata.RoleRoot || t.Role == metadata.RoleRoot || !errors.Is(err, ErrThreshold) {
		return err
	}
	return &lastRootError{s.update.chainEnd, err}
}
