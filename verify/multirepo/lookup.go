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
		if g.waiting[q.lookup] != nil {
			g.answeredBy(q)
		}
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
		if !e.isFor(l.path) {
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
// disagreement that FallThrough passed over, or else a *verify.NoTargetError.
func (l *Lookup) notFound() error {
	no := &verify.NoTargetError{Path: l.path, Certain: true}
	for _, step := range l.trail {
		one := new(verify.NoTargetError)
		if !errors.As(step.Err, &one) {
			return step.Err
		}
		no.Include(one)
	}
	if len(l.trail) == 0 {
		return fmt.Errorf("%w: no entry of the map is for it", no)
	}
	return no
}

// ask has a session look up what is asked.
func (g *Group) ask(q *question, of *verify.Session) {
	q.session = of
	q.lookup = of.Lookup(q.of.path)
	g.waiting[q.lookup] = q
	q.member.asked++
}

// noteAnswer notes that a repository has answered. Where its update failed, the
// earlier view is asked, if there is one.
func (g *Group) noteAnswer(answered *verify.Lookup) {
	q := g.waiting[answered]
	if q == nil { // it was dropped
		return
	}
	g.answeredBy(q)
	if view := q.member.view(); view != q.session {
		g.ask(q, view)
		return
	}
	// TAP 4 step 2: all repositories of the entry answer before it is decided.
	if q.of.open--; q.of.open == 0 {
		g.answered = append(g.answered, q.of)
	}
}

// answeredBy ends the waiting for an answer.
func (g *Group) answeredBy(q *question) {
	delete(g.waiting, q.lookup)
	q.member.asked--
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
//
// R-5.6.8b: it goes on only if it is certain that they have no such target.
func (g *Group) decide(l *Lookup) {
	step, target := g.compareAnswers(l)
	no := new(verify.NoTargetError)
	noTarget := errors.As(step.Err, &no)
	last := step.Terminating || !g.hasEntry(l.path, l.entry+1)
	if noTarget && !no.Certain && !last {
		step.Err, noTarget = step.undecided(l.path, false), false
	}
	l.trail = append(l.trail, step)
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

// hasEntry says whether an entry of the map, from the given one on, is for a
// path.
func (g *Group) hasEntry(path string, from int) bool {
	return slices.ContainsFunc(g.entries[from:], func(e entry) bool { return e.isFor(path) })
}

func (e *entry) isFor(path string) bool {
	return slices.ContainsFunc(e.Paths, func(p string) bool { return delegation.Match(p, path) })
}

// mayFallThrough says whether the text of TAP 4 makes a search go on after this
// error: all repositories answered, and too few agree. The TAP does not say
// that of two files which both have enough repositories.
// (TAP 4 step 5)
func mayFallThrough(err error) bool {
	agreement := new(AgreementError)
	return errors.As(err, &agreement) && !agreement.Conflict &&
		!errors.Is(err, ErrNoAnswer) && !errors.Is(err, verify.ErrUndecided)
}

// finish ends a lookup. Next hands it out.
func (g *Group) finish(l *Lookup, err error) {
	delete(g.pending, l)
	g.decided++
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
	oneVoice := l.oneVoice(e)
	step.noteVoices(oneVoice)
	agreement := newAgreement(listings, oneVoice, e.Threshold)
	q := agreement.quorum()
	step.setOutcomes(listings, q)
	if q.agreed != 0 && !q.conflict {
		return step, newTarget(l.path, e, agreement, q, targets)
	}
	step.Err = step.failure(l.path, q.conflict)
	return step, nil
}

// answer returns what a repository says. An earlier view counts until it
// expires.
func (g *Group) answer(q *question) (Answer, *verify.Target) {
	t, err := q.lookup.Target()
	a := Answer{Repository: q.member.name, Err: err, lookup: q.lookup}
	if q.session == q.member.earlier {
		a.AsOf = q.session.Time()
		if expired(expiry(q.session, q.lookup), g.now) {
			return Answer{Repository: a.Repository, Err: q.member.session.Err()}, nil
		}
	}
	no := new(verify.NoTargetError)
	switch {
	case err == nil:
		a.Outcome, a.Role, a.Length, a.Hashes = Lists, t.Role, t.Length, t.Hashes
	case errors.As(err, &no) && no.Certain:
		a.Outcome = NoTarget
	case errors.As(err, &no):
		a.Outcome = Uncertain
	}
	return a, t
}

// expiry returns when the first of the files expires that an answer rests on.
func expiry(session *verify.Session, l *verify.Lookup) time.Time {
	t, err := l.Target()
	no := new(verify.NoTargetError)
	switch {
	case err == nil:
		return t.Expires
	case errors.As(err, &no):
		return no.Expires
	}
	return session.Expires()
}

// Path returns the target path of the search.
func (l *Lookup) Path() string { return l.path }

// Target returns the target that was found, or the reason why none was:
// verify.ErrPending until Next has handed the lookup out, an error that wraps a
// *verify.NoTargetError if all repositories that were asked answered that they
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
