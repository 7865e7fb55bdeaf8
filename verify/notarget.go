package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

var (
	// ErrUndecided is returned (wrapped) when a mirror can have hidden the
	// answer of a search: see UndecidedError.
	ErrUndecided = errors.New("search is undecided")
	// ErrUncertain is returned (wrapped), as a warning, if no answer of the
	// repository that it has no such target can be certain: see NoTargetError.
	ErrUncertain = errors.New(`every "no such target" is uncertain`)
)

// NoTargetError says that a search is complete, and no role lists the target
// . It wraps ErrNoTarget.
type NoTargetError struct {
	Path string
	// Certain says that each file that the search has read can only be that of
	// its role. If not, a mirror may have sent the file of another role that
	// the same keys sign, and so have hidden the target (R-5.6.8b). A program
	// that asks another repository or index next must do so only if it is
	// certain.
	Certain bool
	// Unbound are the roles whose files may be those of other roles.
	Unbound []string
	// Expires is the earliest expiry of the files that the answer depends on,
	// as in Target. It is zero if the answer depends on none.
	Expires time.Time
	// EndedBy is the terminating delegation that ended the search; zero if all
	// roles for the path were asked.
	EndedBy delegation.Delegation
}

func (e *NoTargetError) Error() string {
	text := fmt.Sprintf("%q: %v", e.Path, ErrNoTarget)
	if e.EndedBy.Role != "" {
		text += fmt.Sprintf(" (%s -> %s is terminating)",
			metadata.Printable(e.EndedBy.Delegator), metadata.Printable(e.EndedBy.Role))
	}
	switch {
	case e.Certain:
	case len(e.Unbound) == 0:
		text += "; that is uncertain"
	default:
		names := make([]string, len(e.Unbound))
		for i, name := range e.Unbound {
			names[i] = metadata.Printable(name)
		}
		text += "; that is uncertain: what was sent for " + strings.Join(names, ", ") + " may be the file of another role"
	}
	return text
}

func (e *NoTargetError) Unwrap() error { return ErrNoTarget }

// Include adds the answer of another repository that has no such target: the
// result is certain if both answers are, and expires when the first one does.
func (e *NoTargetError) Include(other *NoTargetError) {
	e.Certain = e.Certain && other.Certain
	if e.Expires.IsZero() || !other.Expires.IsZero() && other.Expires.Before(e.Expires) {
		e.Expires = other.Expires
	}
}

// UndecidedError says that a search has no answer because a mirror may have
// sent the file of another role, which the same keys sign: TUF does not sign
// the names of roles. It wraps ErrUndecided.
type UndecidedError struct {
	Path string
	// Role is the role whose file is in doubt.
	Role string
	// Next is the role that would be asked next, and must not answer in its
	// place, since it has other keys (R-5.6.8d). It is empty if there are two
	// signed files for Role, a saved one and one from a live source
	// (R-5.6.8c). The saved one is replaced: the next update asks again.
	Next string
}

func (e *UndecidedError) Error() string {
	role := metadata.Printable(e.Role)
	if e.Next == "" {
		return fmt.Sprintf("%q: %v: a source sent another file for %s than the saved one, and both are signed (try again)",
			e.Path, ErrUndecided, role)
	}
	return fmt.Sprintf("%q: %v: what was sent for %s may be the file of another role, and %s, which has other keys, "+
		"must not answer in its place", e.Path, ErrUndecided, role, metadata.Printable(e.Next))
}

func (e *UndecidedError) Unwrap() error { return ErrUndecided }

// complete ends a search that has found the target, or has no more roles to
// ask.
func (s *Session) complete(l *Lookup) {
	_, err := l.walk.Result()
	if !errors.Is(err, ErrNoTarget) {
		s.finish(l, err)
		return
	}
	doubtful := s.judge(l)
	if s.confirm(l, doubtful) {
		return
	}
	no := &NoTargetError{Path: l.path, Certain: len(doubtful) == 0, Expires: s.expires(l)}
	no.EndedBy, _ = l.walk.EndedBy()
	for _, e := range doubtful {
		no.Unbound = append(no.Unbound, e.Role)
	}
	s.reportLayout(doubtful)
	s.finish(l, no)
}

// judge fills in which steps of a search are bound, and returns the edges of
// the others.
func (s *Session) judge(l *Lookup) (doubtful []*edge) {
	l.judged = true
	trail := l.edges()
	for i, e := range trail {
		v := &l.trail[i]
		if v.Bound = s.files.binder.extend(&v.known, e, trail); !v.Bound {
			doubtful = append(doubtful, e)
		}
	}
	return doubtful
}

// reportLayout warns, once in an update, if the file of the top-level targets
// role is not bound even if nobody looks further: then no answer is certain.
func (s *Session) reportLayout(doubtful []*edge) {
	top := s.topLevelEdge()
	if s.update.uncertain || !slices.Contains(doubtful, top) || s.files.binder.bound(top, []*edge{top}) {
		return
	}
	s.update.uncertain = true
	s.update.warn(fmt.Errorf("targets: %w: the snapshot lists no hash, and a delegated role has a threshold of its keys",
		ErrUncertain))
}

// mayGoOn says whether a search may go on to an edge because the roles that it
// has passed do not list the target. If not, it has ended, or waits.
//
// R-5.6.8d: a role that is not bound can be passed only on the way to a role
// that nobody can sign without its keys.
func (s *Session) mayGoOn(l *Lookup, e *edge) bool {
	passed := l.walk.Passed()
	if len(passed) == 0 {
		return true
	}
	var role *roles.Role
	trail := l.edges()
	for _, i := range passed {
		v := &l.trail[i]
		if s.files.binder.extend(&v.known, v.edge, trail) {
			continue
		}
		if role == nil { // once: a role may have many keys
			found, err := s.roleOf(e)
			if err != nil {
				return true // start reports it
			}
			role = &found
		}
		if role.OnlyWith(v.edge.role) {
			continue
		}
		if !s.confirm(l, []*edge{v.edge}) {
			s.finish(l, &UndecidedError{Path: l.path, Role: v.edge.Role, Next: e.Role})
		}
		return false
	}
	return true
}

// confirm asks live sources once more for the files in doubt that were saved,
// or taken over from an earlier update, and says whether the search waits.
//
// R-5.6.8c: so a lie that was saved does not outlive the mirror that told it.
func (s *Session) confirm(l *Lookup, doubtful []*edge) (waits bool) {
	for _, e := range doubtful {
		if e.confirmation == nil && (e.source.live || e.unconfirmed >= l.number) {
			continue
		}
		if e.confirmation == nil {
			t, err := s.targetsTask(e)
			if err != nil { // the limits were the same when it was accepted
				continue
			}
			e.confirmation = t
			s.queue.ask(t)
		}
		if !slices.Contains(e.confirming, l) {
			e.confirming = append(e.confirming, l)
		}
		waits = true
	}
	return waits
}

// wakeConfirming has the searches go on that wait for a confirmation.
func (s *Session) wakeConfirming(e *edge) {
	s.lookups.runnable = append(s.lookups.runnable, e.confirming...)
	e.confirmation, e.confirming = nil, nil
}

// failConfirming ends them: there are two files.
func (s *Session) failConfirming(e *edge) {
	for _, l := range e.confirming {
		if s.lookups.pending[l] {
			s.finish(l, &UndecidedError{Path: l.path, Role: e.Role})
		}
	}
	e.confirmation, e.confirming = nil, nil
}

// giveUpConfirmation has them go on: no live source has the file.
func (s *Session) giveUpConfirmation(e *edge) {
	e.unconfirmed = s.lookups.count
	s.wakeConfirming(e)
}
