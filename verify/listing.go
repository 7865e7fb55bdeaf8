package verify

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// ListOptions are the options of a listing. The zero value gives the defaults.
type ListOptions struct {
	// AtOnce is how many files a listing may have asked for, or hold, before
	// Targets comes to them. The default is 1. 16 or more suits a caller who
	// fetches in parallel. It bounds the memory: each file is at most
	// Limits.MaxTargetsBytes long.
	AtOnce int
}

// ErrIncomplete is returned (wrapped) at the end of a listing that had to leave
// something out: see IncompleteError.
var ErrIncomplete = errors.New("the list is incomplete")

// Listing is the list of every target that a lookup in this session would find.
// The caller alternates: it answers the session's requests, and takes with
// Targets what they have led to.
//
//	l := s.List(verify.ListOptions{})
//	for !l.Done() {
//		if err := s.Run(ctx, store, mirror); err != nil {
//			return err
//		}
//		for t, err := range l.Targets() {
//			// use t, or report err
//		}
//	}
//	return l.Err()
//
// A listing enters each delegation once, in the order of a lookup, and the
// paths that its role lists in the order of their bytes. Each path comes once,
// from the role that a lookup finds it in, and with the same Target.
//
// It asks for no more files than ListOptions.AtOnce before Targets has come to
// them. The files of roles that delegate stay in memory. Those of other roles
// are let go as soon as no other role can be asked for their paths, as with
// hash bins and with terminating delegations, unless a lookup uses them as
// well.
//
// Like its session, a listing is not safe for concurrent use. Lookups may go on
// in the same session at the same time.
type Listing struct {
	session  *Session
	atOnce   int
	only     func(role string) (enter, list bool)
	number   int // of its lookups: see Lookup.number
	begun    bool
	closed   bool // everything is entered
	stack    []*level
	expanded map[roles.Trusted[metadata.Targets]]bool
	passed   map[edgeKey]bool // let go: no search goes on after them
	parents  map[roles.Trusted[metadata.Targets]][]roles.Trusted[metadata.Targets]
	inLoops  []delegation.Pending // not entered: their role was on the way to them
	shape    []string             // of the delegations: each delegator, role, and what that delegates

	lookups []*Lookup // for the paths of the role that is next, if they have begun
	ready   []listed  // for Targets

	roles []ListedRole
	end   IncompleteError
	err   error
}

// level are the delegations of one file on the way to the next role.
type level struct {
	role     string
	all      *delegation.All
	peeked   []upcoming
	last     bool // no search goes on after them
	disjoint func() bool
}

// upcoming is a delegation that is asked for and not entered yet.
type upcoming struct {
	*edge
	final bool // of its level
}

// listed is one line of the list.
type listed struct {
	target *Target
	err    error
}

// ListedRole is a role that a listing has entered, and so one metadata file
// that the list rests on.
type ListedRole struct {
	// Delegator delegates to Role. A listing begins with root and targets.
	Delegator, Role string
	// Path is where a mirror has the file, as in Request.Path. It is empty for
	// a role that the snapshot does not list.
	Path string
	// Version and Expires are those of the file. They are zero if it is not
	// available.
	Version int64
	Expires time.Time
	// Delegates says that the role delegates to others: see
	// DifferenceOptions.Delegates.
	Delegates bool
	// Err says why the file is not available: as in Step.
	Err error
}

// LeftOutError says that a role lists a target, and that a lookup of it has no
// answer. It wraps that lookup's error, such as ErrLimit, ErrUndecided or a
// *FetchError: never ErrNoTarget, since a target that no lookup finds is not
// missing from the list.
type LeftOutError struct {
	Path string
	Role string // that lists it; others may do so as well
	Err  error
}

func (e *LeftOutError) Error() string {
	return fmt.Sprintf("%q, which %s lists, is left out: %v", e.Path, metadata.Printable(e.Role), e.Err)
}

func (e *LeftOutError) Unwrap() error { return e.Err }

// IncompleteError says what a listing had to leave out. It wraps ErrIncomplete.
// A role that is not available counts even if no path may lead to it.
type IncompleteError struct {
	// Roles is how many roles were not available. Listing.Roles says why.
	Roles int
	// Targets is how many LeftOutErrors there were.
	Targets int
	// First is the first of all these errors.
	First error
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%v: %d roles are not available, %d targets have no answer (first: %v)",
		ErrIncomplete, e.Roles, e.Targets, e.First)
}

func (e *IncompleteError) Unwrap() error { return ErrIncomplete }

// note counts one error.
func (e *IncompleteError) note(count *int, err error) {
	*count++
	if e.First == nil {
		e.First = err
	}
}

// List begins to list every target that a lookup would find. It may be called
// at any time, also before the update is over.
func (s *Session) List(o ListOptions) *Listing {
	return s.list(o.AtOnce, func(string) (enter, list bool) { return true, true })
}

// list lists what the roles list that a function says are to be listed. It
// enters those that it says are to be entered.
func (s *Session) list(atOnce int, only func(role string) (enter, list bool)) *Listing {
	s.lookups.count++
	return &Listing{
		session: s, atOnce: max(atOnce, 1), only: only, number: s.lookups.count,
		passed:   map[edgeKey]bool{},
		expanded: map[roles.Trusted[metadata.Targets]]bool{},
		parents:  map[roles.Trusted[metadata.Targets]][]roles.Trusted[metadata.Targets]{},
	}
}

// Targets yields what has been listed since the last call: a target, or a
// *LeftOutError. Then it asks, through the session's batches, for the files
// that come next. It yields nothing while there are records that Next has not
// handed out (the caller must save them before it uses what rests on them).
//
// A caller may stop in the middle. The rest comes with the next call.
func (l *Listing) Targets() iter.Seq2[*Target, error] {
	return func(yield func(*Target, error) bool) {
		for {
			for len(l.ready) > 0 {
				next := l.ready[0]
				if l.ready = l.ready[1:]; !yield(next.target, next.err) {
					return
				}
			}
			l.ready = nil
			if !l.step() {
				return
			}
		}
	}
}

// Done says that there is no more to come: Err has the result.
func (l *Listing) Done() bool { return !errors.Is(l.Err(), ErrPending) }

// Err returns ErrPending (wrapped) while the listing is not done, and at the
// end nil if the list has every target, an *IncompleteError if something was
// left out, or what ended the update.
func (l *Listing) Err() error {
	if broken := l.session.update.broken; broken != nil {
		return broken
	}
	if l.err == nil && l.closed {
		if l.end.First == nil {
			return nil
		}
		end := l.end
		return &end
	}
	if l.err != nil {
		return l.err
	}
	return fmt.Errorf("list: %w: answer the session's requests (Run), then call Targets", ErrPending)
}

// Roles returns the roles that the listing has entered so far, in order, and
// those that it could not enter. The slice is the caller's.
func (l *Listing) Roles() []ListedRole { return slices.Clone(l.roles) }

// maxMissing bounds the roles that are not available and are reported one by
// one. Succinct bins can be 2^32, of which the snapshot lists a few.
const maxMissing = 100_000

// step takes the listing one role further, and says whether it need not wait.
func (l *Listing) step() bool {
	s := l.session
	switch {
	case l.Done():
		return false
	case s.update.phase == phaseFailed:
		l.err, l.stack, l.lookups = s.update.err, nil, nil
		return false
	case s.update.phase != phaseReady:
		return false
	case !l.begun:
		l.begun = true
		l.stack = []*level{{peeked: []upcoming{{s.topLevelEdge(), true}}, all: new(delegation.All), last: true}}
	}
	l.ask()
	next, ok := l.next()
	switch {
	case !ok:
		return l.close()
	case len(s.queue.batch.Save) > 0:
		return false // nothing is used before it is saved
	case next.err != nil:
		l.pop()
		l.missing(next.edge)
		return l.err == nil
	case next.file.Content() == nil:
		return false
	}
	return l.enter(next)
}

// ask asks for the files that come next, as many as may be held.
func (l *Listing) ask() {
	left := l.atOnce
	for i := len(l.stack) - 1; i >= 0 && left > 0; i-- {
		left -= l.stack[i].peek(l.session, l.only, left)
		for _, next := range l.stack[i].peeked {
			l.session.want(next.edge, l.number)
		}
	}
}

// peek finds the next n delegations of a level, and returns how many it has.
func (v *level) peek(s *Session, only func(string) (enter, list bool), n int) int {
	for len(v.peeked) < n {
		p, ok := v.all.Next()
		if !ok {
			break
		}
		if enter, _ := only(p.Role); !enter {
			continue
		}
		v.peeked = append(v.peeked, upcoming{s.files.edge(p), v.all.Last()})
	}
	return len(v.peeked)
}

// want asks for the file of an edge, unless that was done.
func (s *Session) want(e *edge, number int) {
	switch {
	case e.file.Content() != nil:
	case e.task != nil:
		s.queue.need(e.task)
	case e.err == nil || e.failed < number:
		if t := s.start(e); t != nil {
			s.queue.ask(t)
		}
	}
}

// next returns the delegation to enter now. It leaves out those whose role is
// on the way to them: no search visits a role twice (R-5.6.7b).
func (l *Listing) next() (upcoming, bool) {
	for len(l.stack) > 0 {
		top := l.stack[len(l.stack)-1]
		if top.peek(l.session, l.only, 1) == 0 {
			l.stack = l.stack[:len(l.stack)-1]
			continue
		}
		next := top.peeked[0]
		if !slices.ContainsFunc(l.stack, func(v *level) bool { return v.role == next.Role }) {
			l.session.want(next.edge, l.number)
			return next, true
		}
		l.inLoops = append(l.inLoops, next.Pending)
		top.peeked = top.peeked[1:]
	}
	return upcoming{}, false
}

// pop goes on to the next delegation.
func (l *Listing) pop() {
	top := l.stack[len(l.stack)-1]
	top.peeked = top.peeked[1:]
}

// missing notes a role whose file is not available.
func (l *Listing) missing(e *edge) {
	l.end.note(&l.end.Roles, e.err)
	l.roles = append(l.roles, l.session.listedRole(e))
	if l.end.Roles > maxMissing {
		l.err, l.stack = &LimitError{e.Delegator, "roles that are not available", maxMissing, int64(l.end.Roles)}, nil
	}
}

func (s *Session) listedRole(e *edge) ListedRole {
	header := e.file.Header()
	r := ListedRole{
		Delegator: e.Delegator, Role: e.Role, Version: header.Version, Expires: header.Expires, Err: e.err,
		Delegates: e.delegates(),
	}
	if e.listed.Version > 0 {
		r.Path = s.fileName(e.Role, e.listed.Version)
	}
	return r
}

// enter lists the paths of a role, and says whether their lookups are done.
func (l *Listing) enter(next upcoming) bool {
	if l.lookups == nil {
		l.begin(next.edge)
	}
	if slices.ContainsFunc(l.lookups, func(k *Lookup) bool { return l.session.lookups.pending[k] }) {
		return false // for other roles, which they have asked for
	}
	for _, k := range l.lookups {
		l.add(k, next.edge)
	}
	l.lookups = nil
	l.roles = append(l.roles, l.session.listedRole(next.edge))
	l.descend(next)
	return true
}

// begin looks up the paths that a role lists. What another hash bin would be
// asked for is left out: if a lookup finds it, it is in that bin's list.
func (l *Listing) begin(e *edge) {
	l.lookups = []*Lookup{}
	if _, list := l.only(e.Role); !list {
		return
	}
	elsewhere := e.Elsewhere()
	for path := range e.file.Content().Files() {
		if elsewhere == nil || !elsewhere(path) {
			l.lookups = append(l.lookups, l.session.lookupFor(path, l.number, l.passed))
		}
	}
}

// lookupFor is Lookup for a listing: Next does not hand it out. If it comes to
// a role that the listing has passed, and that no search goes on after, then
// the path was listed there, or no role has it: that is all a listing needs.
func (s *Session) lookupFor(path string, number int, passed map[edgeKey]bool) *Lookup {
	l := s.searchFor(path)
	l.number, l.listing, l.passed = number, true, passed
	s.lookups.pending[l] = true
	for s.lookups.pending[l] && s.follow(l) {
	}
	return l
}

// add lists what a lookup has found, if it was in the role that is entered.
func (l *Listing) add(k *Lookup, e *edge) {
	switch {
	case errors.Is(k.err, ErrNoTarget):
	case k.err != nil:
		err := &LeftOutError{k.path, e.Role, k.err}
		l.end.note(&l.end.Targets, err)
		l.ready = append(l.ready, listed{err: err})
	default:
		if found := k.trail[len(k.trail)-1].edge; found.By == e.By && found.Role == e.Role {
			l.ready = append(l.ready, listed{target: k.target})
		}
	}
}

// descend goes on to the roles that a role delegates to. If there are none, and
// no search goes on after it, its file is let go.
func (l *Listing) descend(next upcoming) {
	top := l.stack[len(l.stack)-1]
	last := next.Terminating || top.last && (next.final || top.disjoint())
	l.pop()
	file := next.file
	if !next.delegates() {
		if last && l.session.letGo(next.edge) {
			l.passed[edgeKey{next.By, next.Role}] = true
		}
		return
	}
	l.shape = append(l.shape, next.Delegator, next.Role, file.Content().Delegations().Text())
	l.parents[file] = append(l.parents[file], next.By)
	if l.expanded[file] {
		return
	}
	l.expanded[file] = true
	l.push(next.Role, delegation.NewAll(file, delegation.Options{
		SuccinctFallThrough: l.session.options.SuccinctFallThrough,
	}), last)
}

func (l *Listing) push(role string, all *delegation.All, last bool) {
	var known, disjoint bool
	l.stack = append(l.stack, &level{role: role, all: all, last: last, disjoint: func() bool {
		if !known {
			known, disjoint = true, all.Disjoint()
		}
		return disjoint
	}})
}

// letGo forgets the file of an edge if only listings have used it. A lookup
// that needs it asks for it again.
func (s *Session) letGo(e *edge) bool {
	if e.By.Content() == nil || e.source == nil || e.source.used > 0 || len(e.waiting)+len(e.confirming) > 0 || e.confirmation != nil {
		return false
	}
	s.files.letGo(e.source)
	delete(s.files.binder.signers, e.file)
	delete(s.files.edges, edgeKey{e.By, e.Role})
	return true
}

// close looks, when all else is entered, at the delegations that were left out
// because their role was on the way to them. Those that have another way, on
// which it is not, are entered now. It says whether there is one.
func (l *Listing) close() bool {
	for i, p := range l.inLoops {
		if l.reachable(p.By, p.Role, map[roles.Trusted[metadata.Targets]]bool{}) {
			l.inLoops = slices.Delete(l.inLoops, i, i+1)
			e := l.session.files.edge(p)
			l.push(metadata.RoleTargets, new(delegation.All), false)
			l.stack[0].peeked = []upcoming{{e, false}}
			return true
		}
	}
	l.closed = true
	return false
}

// reachable says whether there is a way to a file without a role.
func (l *Listing) reachable(
	file roles.Trusted[metadata.Targets], without string, seen map[roles.Trusted[metadata.Targets]]bool,
) bool {
	switch {
	case file.Content() == nil:
		return true // root
	case file.Name() == without || seen[file]:
		return false
	}
	seen[file] = true
	return slices.ContainsFunc(l.parents[file], func(by roles.Trusted[metadata.Targets]) bool {
		return l.reachable(by, without, seen)
	})
}
