package multirepo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/verify"
)

// Lookup is the search for one target path through the entries of the map. Once
// Next has handed it out, and the records of that batch are saved, it does not
// change any more and several goroutines may use it.
type Lookup struct {
	path      string
	number    int // lookups are numbered in the order in which they were begun
	entry     int // the entry that is being asked
	questions []*question
	open      int // questions without an answer
	trail     []Step
	target    *Target
	err       error
	handed    bool
}

// question is a lookup in one repository, made for a lookup of the group.
type question struct {
	of      *Lookup
	member  *member
	session *verify.Session // that is asked
	lookup  *verify.Lookup
}

// Lookup begins the search for a target path. It may be called at any time.
// Only the repositories of the first entry that matches the path are asked.
func (g *Group) Lookup(path string) *Lookup {
	g.lookups++
	l := &Lookup{path: path, number: g.lookups, entry: -1}
	g.pending[l] = true
	if g.broken != nil {
		g.finish(l, g.broken)
		return l
	}
	g.nextEntry(l)
	return l
}

// Drop forgets a lookup. It will never be done, its Target stays
// verify.ErrPending, and nothing more is requested for it.
func (g *Group) Drop(l *Lookup) {
	if l == nil {
		return
	}
	for _, q := range l.questions {
		delete(g.waiting, q.lookup)
		q.session.Drop(q.lookup)
	}
	delete(g.pending, l)
	g.queue = slices.DeleteFunc(g.queue, func(other *Lookup) bool { return other == l })
}

// nextEntry asks the repositories of the next entry that matches the path, all
// of them together. (TAP 4 step 1, TAP 4 step 2)
func (g *Group) nextEntry(l *Lookup) {
	for l.entry++; l.entry < len(g.entries); l.entry++ {
		e := &g.entries[l.entry]
		if !slices.ContainsFunc(e.Paths, func(p string) bool { return delegation.Match(p, l.path) }) {
			continue
		}
		l.questions, l.open = nil, len(e.members)
		for _, x := range e.members {
			q := &question{of: l, member: x}
			l.questions = append(l.questions, q)
			g.ask(q, x.view())
		}
		return
	}
	g.finish(l, l.notFound())
}

// notFound returns the error of a search that ends without a target: the first
// disagreement that FallThrough passed over, or else verify.ErrNoTarget.
func (l *Lookup) notFound() error {
	for _, step := range l.trail {
		if !errors.Is(step.Err, verify.ErrNoTarget) {
			return step.Err
		}
	}
	if len(l.trail) == 0 {
		return fmt.Errorf("%w: %q: no entry of the map is for it", verify.ErrNoTarget, l.path)
	}
	return fmt.Errorf("%w: %q", verify.ErrNoTarget, l.path)
}

// ask has a session look up what is asked.
func (g *Group) ask(q *question, of *verify.Session) {
	q.session = of
	q.lookup = of.Lookup(q.of.path)
	g.waiting[q.lookup] = q
}

// noteAnswer notes that a repository has answered. Where its update failed, the
// earlier view is asked, if there is one.
func (g *Group) noteAnswer(answered *verify.Lookup) {
	q := g.waiting[answered]
	if q == nil { // it was dropped
		return
	}
	delete(g.waiting, answered)
	if view := q.member.view(); view != q.session {
		g.ask(q, view)
		return
	}
	// TAP 4 step 2: all repositories of the entry answer before it is decided.
	if q.of.open--; q.of.open == 0 {
		g.answered = append(g.answered, q.of)
	}
}

// decideAnswered decides on the lookups whose repositories have all answered,
// and says whether there were any.
func (g *Group) decideAnswered() bool {
	list := g.answered
	g.answered = nil
	slices.SortFunc(list, func(a, b *Lookup) int { return cmp.Compare(a.number, b.number) })
	for _, l := range list {
		g.decide(l)
	}
	return len(list) > 0
}

// decide ends a search at an entry whose repositories have all answered, or
// makes it go on to the next entry. (TAP 4 step 4, TAP 4 step 5)
func (g *Group) decide(l *Lookup) {
	step, target := g.compareAnswers(l)
	l.trail = append(l.trail, step)
	noTarget := errors.Is(step.Err, verify.ErrNoTarget)
	switch {
	case step.Err == nil:
		l.target = target
		g.finish(l, nil)
	case (noTarget || g.options.FallThrough && mayFallThrough(step.Err)) && !step.Terminating:
		g.nextEntry(l)
	case noTarget:
		g.finish(l, l.notFound())
	default:
		g.finish(l, step.Err)
	}
}

// mayFallThrough says whether the text of TAP 4 makes a search go on after this
// error: all repositories answered, and too few agree. The TAP does not say
// that of two files which both have enough repositories.
// (TAP 4 step 5)
func mayFallThrough(err error) bool {
	agreement := new(AgreementError)
	return errors.As(err, &agreement) && !agreement.Conflict && !errors.Is(err, ErrNoAnswer)
}

// finish ends a lookup. Next hands it out.
func (g *Group) finish(l *Lookup, err error) {
	delete(g.pending, l)
	l.err, l.questions = err, nil
	g.queue = append(g.queue, l)
}

// compareAnswers compares what the repositories of the current entry answered.
// It returns the target that enough of them agree on, or a step with an error.
func (g *Group) compareAnswers(l *Lookup) (Step, *Target) {
	e := &g.entries[l.entry]
	step := Step{Entry: l.entry, Threshold: e.Threshold, Terminating: e.Terminating}
	listings := make([]*listing, len(l.questions))
	targets := make([]*verify.Target, len(l.questions))
	for i, q := range l.questions {
		a, t := g.answer(q)
		if a.Outcome == Lists {
			listed := newListing(t.Length, t.Hashes, q.member.options.Policy)
			listings[i], targets[i] = &listed, t
		}
		step.Answers = append(step.Answers, a)
	}
	q := findQuorum(listings, e.rootKeys(), e.Threshold)
	step.setOutcomes(listings, q)
	if q.agreed != 0 && !q.conflict {
		return step, newTarget(l.path, e, q.agreed, targets, listings)
	}
	step.Err = step.failure(l.path, q.conflict)
	return step, nil
}

// answer returns what a repository says. An earlier view counts until it
// expires.
func (g *Group) answer(q *question) (Answer, *verify.Target) {
	t, err := q.lookup.Target()
	a := Answer{Repository: q.member.name, Err: err, Trail: q.lookup.Trail()}
	if q.session == q.member.earlier {
		a.AsOf = q.session.Time()
		if expired(expiry(q.session, a.Trail), g.now) {
			return Answer{Repository: a.Repository, Err: q.member.session.Err()}, nil
		}
	}
	switch {
	case err == nil:
		a.Outcome, a.Role, a.Length, a.Hashes = Lists, t.Role, t.Length, t.Hashes
	case errors.Is(err, verify.ErrNoTarget):
		a.Outcome = NoTarget
	}
	return a, t
}

// expiry returns when the first of the files expires that an answer rests on.
func expiry(session *verify.Session, trail []verify.Step) time.Time {
	earliest := session.Expires()
	for _, step := range trail {
		if step.Err == nil && step.Expires.Before(earliest) {
			earliest = step.Expires
		}
	}
	return earliest
}

// Path returns the target path of the search.
func (l *Lookup) Path() string { return l.path }

// Target returns the target that was found, or the reason why none was:
// verify.ErrPending until Next has handed the lookup out, an error that wraps
// verify.ErrNoTarget if all repositories that were asked answered that they
// have no such target, and an *AgreementError if they did not agree.
func (l *Lookup) Target() (*Target, error) {
	if !l.handed {
		return nil, fmt.Errorf("%q: %w: Next (or Run) hands it out when it is done", l.path, verify.ErrPending)
	}
	return l.target, l.err
}

// Trail returns every entry that was asked, in order, with the answers of its
// repositories; nil until Next has handed the lookup out. The slices are the
// caller's.
func (l *Lookup) Trail() []Step {
	if !l.handed {
		return nil
	}
	trail := slices.Clone(l.trail)
	for i := range trail {
		trail[i] = trail[i].clone()
	}
	return trail
}
