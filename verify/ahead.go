package verify

import (
	"bytes"
	"math"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
)

// answer is what the caller said to a request ahead, until its turn comes.
type answer struct {
	body    []byte
	absent  bool  // NotFound
	cause   error // Fail
	tooMuch bool  // the body was not kept, for want of room
}

// mayAhead says whether one more file may be asked for ahead.
func (s *Session) mayAhead() bool { return s.aheadOpen < s.options.Lookahead }

// askAhead opens a request for a root or the timestamp whose turn has not come,
// and says whether it could. What an answer means is not known before: keys may
// change on the way.
func (s *Session) askAhead(t *task) bool {
	if !s.mayAhead() {
		return false
	}
	t.Ahead = true
	s.hand(t)
	s.ahead = append(s.ahead, t)
	return true
}

// lookAhead asks for roots beyond the next one: for as many more as this cycle
// has taken, so that the number of rounds grows with the logarithm of their
// number, and for those that are known to exist because a later one is stored.
func (s *Session) lookAhead() {
	if s.options.Lookahead <= 0 {
		return
	}
	next := s.root.Content().Version + 1
	stored := max(0, s.stored.root-next+1)
	left := min(int64(s.limits.MaxRootRotations-s.roots), math.MaxInt64-stored)
	window := min(max(int64(s.chain), stored), stored+left-1, math.MaxInt64-next)
	for v := next + 1; v-next <= window; v++ {
		if !slices.ContainsFunc(s.ahead, func(t *task) bool { return t.Role == metadata.RoleRoot && t.Version == v }) && !s.askAhead(s.rootTask(v)) {
			return
		}
	}
}

// prefetch asks for the roles that a lookup will need next, unless the one that
// it waits for lists the target. They can be judged as soon as they come, so
// nothing is kept.
func (s *Session) prefetch(l *Lookup) {
	if s.options.Lookahead <= 0 {
		return
	}
	for p := range l.walk.Upcoming() {
		if e := s.edgeOf(p); !e.asked && e.err == nil {
			if !s.mayAhead() {
				return
			}
			s.start(e, true)
		}
	}
}

// need says that the turn of a request ahead has come before its answer.
func (s *Session) need(t *task) {
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

// keep takes the answer to a request for a root or the timestamp whose turn has
// not come.
func (s *Session) keep(t *task, a answer) {
	s.close(t)
	if s.kept+int64(len(a.body)) > s.limits.MaxAheadBytes {
		a = answer{tooMuch: true}
	}
	a.body = bytes.Clone(a.body)
	s.kept += int64(len(a.body))
	t.answer = &a
}

// due says that the turn of a file has come, and whether that is all there is
// to do: it was asked for ahead, and its answer, if there is one already, is
// good.
func (s *Session) due(role string, version int64) bool {
	i := slices.IndexFunc(s.ahead, func(t *task) bool { return t.Role == role && t.Version == version })
	if i < 0 {
		return false
	}
	t := s.ahead[i]
	s.ahead = slices.Delete(s.ahead, i, i+1)
	a := t.answer
	if a == nil {
		s.need(t)
		return true
	}
	s.kept -= int64(len(a.body))
	switch {
	case a.tooMuch:
		return false
	case a.absent:
		s.absent(t)
		return true
	case a.cause != nil:
		s.given(t, a.cause)
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

// dropAhead gives up the roots that were asked for ahead or, with all, the
// timestamp too. The caller may be fetching them: an answer that comes yet is
// taken, and means nothing.
func (s *Session) dropAhead(all bool) {
	s.ahead = slices.DeleteFunc(s.ahead, func(t *task) bool {
		if !all && t.Role != metadata.RoleRoot {
			return false
		}
		if t.answer != nil {
			s.kept -= int64(len(t.answer.body))
		}
		s.drop(t)
		return true
	})
}

func (s *Session) drop(t *task) {
	if s.open[t.ID] == nil { // it has been answered
		return
	}
	s.close(t)
	if t.handed {
		s.dropped[t.ID] = true
		return
	}
	s.queue.Fetch = slices.DeleteFunc(s.queue.Fetch, func(r Request) bool { return r.ID == t.ID })
}

// close takes a request from the open ones.
func (s *Session) close(t *task) {
	delete(s.open, t.ID)
	if t.Ahead {
		s.aheadOpen--
	}
}

// forgetAhead forgets all requests ahead, at the end of a cycle in which no
// others are open: those that are left are for targets files.
func (s *Session) forgetAhead() {
	s.queue.Fetch = slices.DeleteFunc(s.queue.Fetch, func(r Request) bool { return r.Ahead })
	clear(s.open)
	clear(s.dropped)
	s.aheadOpen = 0
}
