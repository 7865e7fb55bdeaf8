package verify

import (
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// proceed does what has become possible: it takes the update from step to step
// until one has to wait for an answer, and then the lookups as far as they go.
func (s *Session) proceed() {
	for s.update.awaited == nil && s.update.phase < phaseReady {
		if t := s.step(); t != nil {
			s.await(t)
		}
	}
	switch s.update.phase {
	case phaseReady:
		s.advanceLookups()
	case phaseFailed: // the next update can succeed
		s.queue.dropEarly(true)
		s.finishLookups(s.update.err)
	}
}

// step begins the phase that has come, and returns the request that it has to
// wait for; nil if it is over already.
func (s *Session) step() *task {
	switch s.update.phase {
	case phaseRoot:
		return s.stepRoot()
	case phaseTimestamp:
		return s.stepTimestamp()
	case phaseSnapshot:
		return s.stepSnapshot()
	}
	return s.stepTargets()
}

// await makes the phase wait for a file. If the file was asked for ahead and
// its answer is held back, it is applied instead.
func (s *Session) await(t *task) {
	early := s.queue.take(t.Path)
	switch {
	case early == nil:
		s.queue.ask(t)
	case early.answer == nil: // it is still open
		t = early
	case s.applyHeld(early):
		return
	default:
		s.queue.ask(t)
	}
	s.update.awaited = t
	if s.update.phase == phaseRoot {
		s.lookAhead()
	}
}

// applyHeld applies an answer that was held back, and says whether it could: it
// may have been dropped for want of room, or be rejected.
func (s *Session) applyHeld(early *task) bool {
	if early.answer.dropped {
		return false
	}
	err := s.apply(early, *early.answer)
	if err != nil {
		s.queue.reject(early.Request, err)
	}
	return err == nil
}

// apply acts on the answer to a request whose turn has come. An error says why
// a body is rejected; then nothing has changed.
func (s *Session) apply(t *task, a answer) error {
	switch {
	case a.absent && t.Optional && s.ends(a.said): // R-5.3.3b
		s.endByAbsence(t, a.said)
	case a.absent:
		s.giveUp(t, fetchCause(a.said))
	case a.cause != nil:
		s.giveUp(t, a.cause)
	default:
		if err := s.accept(t, a); err != nil {
			return s.nameLastRoot(t, err)
		}
	}
	if s.update.awaited == t {
		s.update.awaited = nil
	}
	return nil
}

// accept checks a body and, if it is good, trusts it. The checks change
// nothing.
func (s *Session) accept(t *task, a answer) error {
	if err := t.checkLength(a.body); err != nil {
		return err
	}
	switch {
	case t.edge != nil:
		file, err := s.checkTargets(t.edge, a.body)
		if err != nil {
			return err
		}
		s.acceptTargets(t, a, file)
	case t.Role == metadata.RoleRoot:
		next, err := s.checkRoot(a.body)
		if err != nil {
			return err
		}
		s.acceptRoot(t, a, next)
	case t.Role == metadata.RoleTimestamp:
		next, err := s.checkTimestamp(a.body)
		if err != nil {
			return err
		}
		s.acceptTimestamp(a, next)
	default:
		next, err := s.checkSnapshot(t, a.body)
		if err != nil {
			return err
		}
		s.acceptSnapshot(a, next)
	}
	return nil
}

func (t *task) checkLength(body []byte) error {
	size := int64(len(body))
	switch {
	case size <= t.MaxBytes:
		return nil
	case t.listed.Length >= 0 && t.listed.Length == t.MaxBytes:
		return &roles.LengthError{File: t.Role, Want: t.MaxBytes, Got: size}
	}
	return &LimitError{t.Role, "bytes", t.MaxBytes, size}
}

// giveUp ends what needs a file that could not be fetched: the lookups that
// wait for a delegated role, otherwise the update.
func (s *Session) giveUp(t *task, cause error) {
	err := &FetchError{t.Request, cause}
	if t.edge != nil && t == t.edge.confirmation {
		s.giveUpConfirmation(t.edge)
		return
	}
	if t.edge == nil || s.update.phase != phaseReady {
		s.update.fail(err)
		return
	}
	s.wake(t.edge, err)
}
