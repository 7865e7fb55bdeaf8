package verify

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
)

// ErrPending is returned (wrapped) for a lookup that is not done, or that Next
// has not handed out yet.
var ErrPending = errors.New("lookup is pending")

// Lookup is the search for one target path. Once Next has handed it out, and
// the records of the same Batch are saved, it does not change any more and may
// be used from several goroutines.
type Lookup struct {
	path      string
	walk      *delegation.Walk
	number    int // counted from 1, in the order of the calls
	trail     []Step
	target    *Target
	err       error
	handedOut bool
}

// Step is one delegation that a lookup followed, and the result.
type Step struct {
	// Delegator delegates to Role. A search begins with root and targets.
	Delegator, Role string
	// Terminating says that the search ends with this role and the roles that
	// it delegates to.
	Terminating bool
	// Succinct says that the role is one of the delegator's succinct hash bins
	// (TAP 15), which are terminating.
	Succinct bool
	// Version and Expires are those of the role's file.
	Version int64
	Expires time.Time
	// Lists says that the role lists the target. This is then the last step.
	Lists bool
	// Err says why the role is not available. The search ended there.
	Err error
}

// String describes the step in one line.
func (s Step) String() string {
	line := metadata.Printable(s.Delegator) + " -> " + metadata.Printable(s.Role)
	switch {
	case s.Err != nil:
		return fmt.Sprintf("%s: %v", line, s.Err)
	case s.Lists:
		return fmt.Sprintf("%s version %d lists it", line, s.Version)
	case s.Terminating:
		return fmt.Sprintf("%s version %d (terminating) does not list it", line, s.Version)
	}
	return fmt.Sprintf("%s version %d does not list it", line, s.Version)
}

// Lookup begins the search for a target path. The path is used as it is:
// nothing in it is cleaned or decoded. It may be called at any time. Lookups
// share the files of roles that they have in common. After an update that
// failed, the lookup fails with the same error.
func (s *Session) Lookup(path string) *Lookup {
	s.lookups++
	walk := delegation.NewWalk(path, delegation.Options{
		MaxDelegations:      s.limits.MaxDelegations,
		SuccinctFallThrough: s.options.SuccinctFallThrough,
	})
	l := &Lookup{path: path, walk: walk, number: s.lookups}
	s.pending[l] = true
	switch {
	case s.broken != nil:
		s.finish(l, s.broken)
	case s.phase == phaseFailed:
		s.finish(l, s.err)
	case s.phase == phaseReady:
		s.advance(l)
	}
	return l
}

// Drop forgets a lookup. It will not be done, its Target goes on to return
// ErrPending, and nothing more is asked for on its account.
func (s *Session) Drop(l *Lookup) {
	delete(s.pending, l)
	s.queue.Done = slices.DeleteFunc(s.queue.Done, func(f *Lookup) bool { return f == l })
}

// inOrder returns the pending lookups in the order in which they began.
func (s *Session) inOrder() []*Lookup {
	return slices.SortedFunc(maps.Keys(s.pending), func(a, b *Lookup) int { return cmp.Compare(a.number, b.number) })
}

// visit passes a role's content to the search, and adds a step to the trail.
func (l *Lookup) visit(e *edge) error {
	header := e.file.Content().Header
	err := l.walk.Visit(e.file)
	_, result := l.walk.Result()
	step := e.step()
	step.Version, step.Expires = header.Version, header.Expires
	step.Lists, step.Err = result == nil, err
	l.trail = append(l.trail, step)
	return err
}

// finish gives a lookup its answer: the error, or what its search found.
func (s *Session) finish(l *Lookup, err error) {
	delete(s.pending, l)
	l.err = err
	if err == nil {
		l.target, l.err = s.target(l)
	}
	l.walk = nil
	s.queue.Done = append(s.queue.Done, l)
}

// target returns the answer of a search that is over.
func (s *Session) target(l *Lookup) (*Target, error) {
	info, err := l.walk.Result()
	if err != nil {
		return nil, err
	}
	expires := s.Expires()
	for _, step := range l.trail {
		if step.Expires.Before(expires) {
			expires = step.Expires
		}
	}
	return &Target{
		Path:       l.path,
		Role:       l.trail[len(l.trail)-1].Role,
		Length:     info.Length,
		Hashes:     info.Hashes,
		Expires:    expires,
		info:       info,
		consistent: s.root.Content().ConsistentSnapshot,
		policy:     s.options.Policy,
	}, nil
}

// Path returns the target path that was passed to Session.Lookup.
func (l *Lookup) Path() string { return l.path }

// Target returns the target that was found, or an error that wraps:
//   - ErrPending until Next has handed the lookup out;
//   - ErrNoTarget if the search is complete and no role lists the path
//
//   - ErrLimit if the search ended at a limit;
//   - otherwise the reason why there is no answer.
func (l *Lookup) Target() (*Target, error) {
	if !l.handedOut {
		return nil, fmt.Errorf("%q: %w: Next (or Run) hands it out when it is done", l.path, ErrPending)
	}
	return l.target, l.err
}

// Trail returns every delegation that the search followed, in order, with its
// result: it is the reason why the target is trusted. The slice is the
// caller's.
func (l *Lookup) Trail() []Step {
	if !l.handedOut {
		return nil
	}
	return slices.Clone(l.trail)
}
