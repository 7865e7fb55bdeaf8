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
	"github.com/tufwalk/tufwalk/roles"
)

// ErrPending says that a lookup is not done yet, or has not been handed out by
// Next.
var ErrPending = errors.New("lookup is pending")

// ErrUnlisted is returned (wrapped) for a role that is delegated but not in the
// snapshot, so that it cannot be trusted and is not asked for.
var ErrUnlisted = errors.New("role is not in the snapshot")

// Lookup is the search for one target path. Once it has been handed out by
// Next, and the records that came with it are saved, it does not change any
// more and may be used from several goroutines.
type Lookup struct {
	path   string
	number int // of the lookups of its session
	walk   *delegation.Walk
	trail  []visit
	judged bool // the steps say whether they are bound
	target *Target
	err    error
	handed bool
	policy roles.Policy

	listing bool             // it is a listing's, and not handed out
	passed  map[edgeKey]bool // what that listing has listed and let go
}

// visit is a step of a lookup, with its edge if the role's file is trusted.
type visit struct {
	Step
	edge  *edge
	known binding
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
	// Bound says that the file can only be the role's. If not, a mirror may
	// have sent that of another role, which the same keys sign: TUF does not
	// sign the names of roles, and the snapshot does not list a hash.
	// (R-5.6.8b)
	Bound bool
	// Err says why the role's file is not trusted, which ended the search.
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
	}
	line = fmt.Sprintf("%s version %d", line, s.Version)
	if s.Terminating {
		line += " (terminating)"
	}
	line += " does not list it"
	if !s.Bound {
		line += " (or it is another role's file)"
	}
	return line
}

// lookups are those of a session.
type lookups struct {
	count     int // so many were begun
	pending   map[*Lookup]bool
	runnable  []*Lookup // pending ones that can go on
	handedOut []*Lookup // by the last Next
	spare     *delegation.Walk
}

// inOrder returns the pending lookups in the order in which they were begun.
func (l *lookups) inOrder() []*Lookup {
	return slices.SortedFunc(maps.Keys(l.pending), func(a, b *Lookup) int { return cmp.Compare(a.number, b.number) })
}

// Path returns the target path that is searched.
func (l *Lookup) Path() string { return l.path }

// Target returns what was found, or why nothing was: ErrPending until Next has
// handed the lookup out, a *NoTargetError if the search is complete and no role
// lists the path, ErrLimit if it was cut short, and otherwise what
// kept it from an answer.
func (l *Lookup) Target() (*Target, error) {
	if !l.handed {
		return nil, fmt.Errorf("%q: %w: Next (or Run) hands it out when it is done", l.path, ErrPending)
	}
	return l.target, l.err
}

// Trail returns every delegation that the search followed, in order, and what
// came of it: why the target is trusted. The slice is the caller's. It may take
// time linear in the size of the files that delegate, to find out which steps
// are bound.
func (l *Lookup) Trail() []Step {
	if !l.handed {
		return nil
	}
	var bound []bool
	if !l.judged { // not before somebody asks: most programs never do
		b := newBinder(l.policy)
		bound = b.judge(l.edges())
	}
	trail := make([]Step, len(l.trail))
	for i, v := range l.trail {
		trail[i] = v.Step
		if i < len(bound) {
			trail[i].Bound = bound[i]
		}
	}
	return trail
}

// SharesSigners says whether the same keys can have signed a file on both
// trails: those of a role on the one reach the threshold of a role on the
// other. For lookups in two repositories that means that a mirror of one may
// have served the files of the other. It is false for lookups that are not
// done.
func (l *Lookup) SharesSigners(other *Lookup) bool {
	if !l.handed || !other.handed {
		return false
	}
	for _, a := range l.edges() {
		for _, b := range other.edges() {
			if a.role.CanPassFor(b.role) || b.role.CanPassFor(a.role) {
				return true
			}
		}
	}
	return false
}

// edges returns those of the trail whose files are trusted.
func (l *Lookup) edges() (list []*edge) {
	for _, v := range l.trail {
		if v.edge != nil { // only the last one may have none
			list = append(list, v.edge)
		}
	}
	return list
}

// newLookup begins a lookup.
func (s *Session) newLookup(path string) *Lookup {
	s.lookups.count++
	l := s.searchFor(path)
	l.number = s.lookups.count
	s.lookups.pending[l] = true
	return l
}

// searchFor returns a lookup at its beginning.
func (s *Session) searchFor(path string) *Lookup {
	l := &Lookup{path: path, policy: s.options.Policy, walk: s.lookups.spare}
	if l.walk != nil {
		s.lookups.spare = nil
		l.walk.Restart(path)
		return l
	}
	l.walk = delegation.NewWalk(path, delegation.Options{
		MaxDelegations: s.limits.MaxDelegations, MaxMatchSteps: s.limits.MaxMatchSteps,
		SuccinctFallThrough: s.options.SuccinctFallThrough,
	})
	return l
}

// startLookups lets the lookups go that waited for the update.
func (s *Session) startLookups() { s.lookups.runnable = s.lookups.inOrder() }

// advanceLookups takes the lookups that can go on as far as they go.
func (s *Session) advanceLookups() {
	for len(s.lookups.runnable) > 0 {
		l := s.lookups.runnable[0]
		s.lookups.runnable = s.lookups.runnable[1:]
		for s.lookups.pending[l] && s.follow(l) {
		}
	}
}

// wake has the lookups that wait for an edge go on: its file is trusted, or
// cannot be.
func (s *Session) wake(e *edge, err error) {
	if err != nil {
		s.failEdge(e, err)
	}
	s.lookups.runnable = append(s.lookups.runnable, e.waiting...)
	e.waiting = nil
}

// follow takes a lookup one step further, and says whether it need not wait.
// (5.6.7)
func (s *Session) follow(l *Lookup) bool {
	p, ok := l.walk.Next()
	if !ok {
		s.complete(l)
		return false
	}
	if l.passed[edgeKey{p.By, p.Role}] && l.atEnd() {
		if s.mayGoOn(l, &edge{Pending: p}) {
			s.finish(l, ErrNoTarget)
		}
		return false
	}
	e := s.files.edge(p)
	if !s.mayGoOn(l, e) {
		return false
	}
	if !e.asked() && (e.err == nil || e.failed < l.number) {
		if t := s.start(e); t != nil {
			s.queue.ask(t)
		}
	}
	switch {
	case e.file.Content() != nil:
		if !l.listing {
			s.files.use(e)
		}
		if err := l.visit(e); err != nil {
			s.finish(l, err)
		}
		return true
	case e.err != nil:
		step := e.step()
		step.Err = e.err
		l.trail = append(l.trail, visit{Step: step})
		s.finish(l, e.err)
		return false
	}
	e.waiting = append(e.waiting, l)
	s.queue.need(e.task)
	s.prefetch(l)
	return false
}

// atEnd says whether the search knows of one more role only.
func (l *Lookup) atEnd() bool {
	n := 0
	for range l.walk.Upcoming() {
		n++
	}
	return n == 1
}

// visit brings a role's content to the search.
func (l *Lookup) visit(e *edge) error {
	err := l.walk.Visit(e.file)
	_, result := l.walk.Result()
	header, step := e.file.Header(), e.step()
	step.Version, step.Expires, step.Lists, step.Err = header.Version, header.Expires, result == nil, err
	l.trail = append(l.trail, visit{Step: step, edge: e})
	return err
}

// prefetch asks for the roles that a lookup will need next, unless the one that
// it waits for lists the target.
func (s *Session) prefetch(l *Lookup) {
	for p := range l.walk.Upcoming() {
		if !s.queue.mayAhead() {
			return
		}
		e := s.files.edge(p)
		if e.asked() || e.err != nil {
			continue
		}
		if t := s.start(e); t != nil {
			t.Ahead = true
			s.queue.ask(t)
		}
	}
}

// finish gives a lookup its answer: the error, or what its search found.
func (s *Session) finish(l *Lookup, err error) {
	delete(s.lookups.pending, l)
	l.err = err
	if err == nil {
		l.target, l.err = s.target(l)
	}
	s.lookups.spare, l.walk = l.walk, nil
	if !l.listing {
		s.queue.batch.Done = append(s.queue.batch.Done, l)
	}
}

// finishLookups ends all pending lookups with an error.
func (s *Session) finishLookups(err error) {
	for _, l := range s.lookups.inOrder() {
		s.finish(l, err)
	}
}

// target makes the answer of a search that has found something.
func (s *Session) target(l *Lookup) (*Target, error) {
	info, err := l.walk.Result()
	if err != nil {
		return nil, err
	}
	return newTarget(metadata.SavedTarget{
		Path: l.path, Role: l.trail[len(l.trail)-1].Role, Expires: s.expires(l),
		ConsistentSnapshot: s.trusted.root.Content().ConsistentSnapshot, File: info,
	}, s.options.Policy), nil
}

// expires returns when the first of the files expires that a search rests on.
func (s *Session) expires(l *Lookup) time.Time {
	earliest := s.trusted.expires(s.files.topLevel())
	for _, step := range l.trail {
		if step.Expires.Before(earliest) {
			earliest = step.Expires
		}
	}
	return earliest
}
