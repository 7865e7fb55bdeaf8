package verify

import (
	"bytes"
	"math"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
)

// answer is the caller's answer to a request ahead. It is held back until its
// turn comes.
type answer struct {
	body     []byte
	notFound bool  // NotFound was called
	cause    error // of Fail
	noRoom   bool  // the body was not held back, because of MaxAheadBytes
}

// mayAskAhead reports whether one more file may be asked for ahead.
func (s *Session) mayAskAhead() bool { return s.aheadOpen < s.options.Lookahead }

// askAhead opens a request for a root or the timestamp whose turn has not come,
// and reports whether it could. The answer cannot be judged before its turn:
// until then the keys may change.
func (s *Session) askAhead(t *task) bool {
	if !s.mayAskAhead() {
		return false
	}
	t.Ahead = true
	s.enqueue(t)
	s.ahead = append(s.ahead, t)
	return true
}

// lookAhead asks for roots after the next one. It asks for as many as this
// update has accepted so far, so that the number of round trips grows with the
// logarithm of the number of roots. It also asks for those that must exist
// because a later one is stored.
func (s *Session) lookAhead() {
	if s.options.Lookahead <= 0 {
		return
	}
	next := s.root.Content().Version + 1
	stored := max(0, s.stored.rootVersion-next+1)
	left := min(int64(s.limits.MaxRootRotations-s.rotations), math.MaxInt64-stored)
	window := min(max(int64(s.newRoots), stored), stored+left-1, math.MaxInt64-next)
	for v := next + 1; v-next <= window; v++ {
		if s.indexAhead(metadata.RoleRoot, v) < 0 && !s.askAhead(s.rootTask(v)) {
			return
		}
	}
}

// indexAhead returns where in s.ahead the request for a file is, or -1.
func (s *Session) indexAhead(role string, version int64) int {
	return slices.IndexFunc(s.ahead, func(t *task) bool { return t.Role == role && t.Version == version })
}

// prefetch asks for the roles that a lookup will need next, unless the role
// that it waits for lists the target. Their files can be judged as soon as they
// come, so nothing is held back.
func (s *Session) prefetch(l *Lookup) {
	if s.options.Lookahead <= 0 {
		return
	}
	for p := range l.walk.Upcoming() {
		if e := s.edgeOf(p); !e.asked && e.err == nil {
			if !s.mayAskAhead() {
				return
			}
			s.start(e, true)
		}
	}
}

// needNow marks a request as no longer ahead: its turn has come before its
// answer.
func (s *Session) needNow(t *task) {
	if !t.Ahead {
		return
	}
	t.Ahead = false
	s.aheadOpen--
	for i := range s.queue.Fetch {
		if r := &s.queue.Fetch[i]; r.ID == t.ID {
			r.Ahead = false
		}
	}
}

// holdBack stores the answer to a request for a root or the timestamp whose
// turn has not come.
func (s *Session) holdBack(t *task, a answer) {
	s.closeTask(t)
	if s.heldBytes+int64(len(a.body)) > s.limits.MaxAheadBytes {
		a = answer{noRoom: true}
	}
	a.body = bytes.Clone(a.body)
	s.heldBytes += int64(len(a.body))
	t.answer = &a
}

// useAhead looks for a request ahead for a file whose turn has come. It reports
// whether no other request for the file is needed: the answer is still to come,
// or it is there and has been acted on.
func (s *Session) useAhead(role string, version int64) bool {
	i := s.indexAhead(role, version)
	if i < 0 {
		return false
	}
	t := s.ahead[i]
	s.ahead = slices.Delete(s.ahead, i, i+1)
	a := t.answer
	if a == nil {
		s.needNow(t)
		return true
	}
	s.heldBytes -= int64(len(a.body))
	switch {
	case a.noRoom:
		return false
	case a.notFound:
		s.notFound(t)
		return true
	case a.cause != nil:
		s.fetchFailed(t, a.cause)
		return true
	}
	commit, err := s.judge(t, a.body)
	if err != nil {
		s.queue.Rejected = append(s.queue.Rejected, &RejectError{t.Request, err})
		return false
	}
	commit()
	return true
}

// dropAhead drops the requests ahead for roots and, with all, the one for the
// timestamp too. The caller may be fetching them: an answer that still comes is
// accepted and ignored.
func (s *Session) dropAhead(all bool) {
	s.ahead = slices.DeleteFunc(s.ahead, func(t *task) bool {
		if !all && t.Role != metadata.RoleRoot {
			return false
		}
		if t.answer != nil {
			s.heldBytes -= int64(len(t.answer.body))
		}
		s.dropTask(t)
		return true
	})
}

// dropTask closes a request that is not needed any more.
func (s *Session) dropTask(t *task) {
	if s.open[t.ID] == nil { // it has been answered
		return
	}
	s.closeTask(t)
	if t.handedOut {
		s.dropped[t.ID] = true
		return
	}
	s.queue.Fetch = slices.DeleteFunc(s.queue.Fetch, func(r Request) bool { return r.ID == t.ID })
}

// closeTask removes a request from the open ones.
func (s *Session) closeTask(t *task) {
	delete(s.open, t.ID)
	if t.Ahead {
		s.aheadOpen--
	}
}

// forgetAhead forgets all requests ahead, at the end of an update. No other
// requests are open then, and those ahead are all for targets files.
func (s *Session) forgetAhead() {
	s.queue.Fetch = slices.DeleteFunc(s.queue.Fetch, func(r Request) bool { return r.Ahead })
	clear(s.open)
	clear(s.dropped)
	s.aheadOpen = 0
}
