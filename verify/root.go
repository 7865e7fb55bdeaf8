package verify

import (
	"bytes"
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
		s.endRoots(false)
		return nil
	case s.update.newRoots >= s.limits.MaxRootRotations: // R-5.3.3c
		s.update.warn(s.tooManyRoots())
		s.endRoots(true)
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
	return roles.VerifyNextRoot(s.trusted.root, envelope, s.options.Policy)
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

// endRoots judges the last root of the chain, and by it the stored files. cut
// says that a limit ended the chain. (5.3.10, 5.3.11)
func (s *Session) endRoots(cut bool) {
	s.queue.dropEarly(false)
	final := s.trusted.root.Header()
	switch {
	case final.Version < s.stored.root && cut:
		s.update.fail(s.tooManyRoots())
		return
	case final.Version < s.stored.root:
		s.update.fail(&StoredRootError{Name: nameRoot, Stored: s.stored.root, Found: final.Version})
		return
	}
	if err := roles.CheckExpiry(metadata.RoleRoot, final, s.now); err != nil {
		s.update.fail(err)
		return
	}
	s.update.phase = phaseTimestamp
	chooseStored(s, metadata.RoleTimestamp, &s.stored.timestamp)
	chooseStored(s, metadata.RoleSnapshot, &s.stored.snapshot)
}
