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

// ErrPending says that a lookup is not settled yet, or has not been handed out
// by Next.
var ErrPending = errors.New("lookup is pending")

// Lookup is the search for one target path. Once it has been handed out by
// Next, and the records that came with it are saved, it does not change any
// more and may be used from several goroutines.
type Lookup struct {
	path   string
	walk   *delegation.Walk
	born   int
	trail  []Step
	target *Target
	err    error
	handed bool
}

// Step is one delegation that a lookup followed, and what came of it.
type Step struct {
	// Delegator delegates to Role. A search begins with root and targets.
	Delegator, Role string
	// Terminating says that the search ends with this role and what it
	// delegates to.
	Terminating bool
	// Succinct says that the role is one of the delegator's succinct hash bins
	// (TAP 15), which are terminating.
	Succinct bool
	// Version and Expires are those of the role's file.
	Version int64
	Expires time.Time
	// Lists says that the role lists the target: the last step of a search that
	// finds it.
	Lists bool
	// Err says why the role could not be had, which ended the search.
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

// Find begins the search for a target path, at any time; nothing is cleaned or
// decoded in it. Lookups share every role that they have in common. After a
// cycle that failed, the lookup reports that failure.
func (s *Session) Lookup(path string) *Lookup {
	s.lookups++
	l := &Lookup{path: path, born: s.lookups, walk: delegation.NewWalk(path, delegation.Options{
		MaxDelegations: s.limits.MaxDelegations, SuccinctFallThrough: s.options.SuccinctFallThrough,
	})}
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

// Drop forgets a lookup: it will not be settled, its Target stays ErrPending,
// and nothing more is asked for on its account.
func (s *Session) Drop(l *Lookup) {
	delete(s.pending, l)
	s.queue.Done = slices.DeleteFunc(s.queue.Done, func(f *Lookup) bool { return f == l })
}

// inOrder returns the pending lookups in the order in which they came.
func (s *Session) inOrder() []*Lookup {
	return slices.SortedFunc(maps.Keys(s.pending), func(a, b *Lookup) int { return cmp.Compare(a.born, b.born) })
}

// visit brings a role's content to the search.
func (l *Lookup) visit(e *edge) error {
	header := e.file.Content().Header
	err := l.walk.Visit(e.file)
	_, result := l.walk.Result()
	step := e.step()
	step.Version, step.Expires, step.Lists, step.Err = header.Version, header.Expires, result == nil, err
	l.trail = append(l.trail, step)
	return err
}

// settle gives a lookup its answer: the error, or what its search found.
func (s *Session) finish(l *Lookup, err error) {
	delete(s.pending, l)
	l.err = err
	if err == nil {
		l.target, l.err = s.target(l)
	}
	l.walk = nil
	s.queue.Done = append(s.queue.Done, l)
}

// target makes the answer of a search that is over.
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
		Path: l.path, Role: l.trail[len(l.trail)-1].Role, Length: info.Length, Hashes: info.Hashes, Expires: expires,
		info: info, consistent: s.root.Content().ConsistentSnapshot, policy: s.options.Policy,
	}, nil
}

// Path returns the target path that is searched.
func (l *Lookup) Path() string { return l.path }

// Target returns what was found, or why nothing was: ErrPending until Next has
// handed the lookup out, an error that wraps ErrNoTarget if the search is
// complete and no role lists the path, ErrLimit if it was cut short,
// and otherwise what kept it from an answer.
func (l *Lookup) Target() (*Target, error) {
	if !l.handed {
		return nil, fmt.Errorf("%q: %w: Next (or Run) hands it out when it is settled", l.path, ErrPending)
	}
	return l.target, l.err
}

// Trail returns every edge that the search asked, in order, and what it said:
// why the target is trusted. The slice is the caller's.
func (l *Lookup) Trail() []Step {
	if !l.handed {
		return nil
	}
	return slices.Clone(l.trail)
}
