package multirepo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/verify"
)

// Lookup is the search for one target path through the entries of the map. Once
// it has been handed out by Next, and the records that came with it are saved,
// it does not change any more and may be used from several goroutines.
type Lookup struct {
	path      string
	born      int
	entry     int // that is being asked
	questions []*question
	open      int // questions without an answer
	trail     []Step
	target    *Target
	err       error
	handed    bool
}

// question is a lookup in one repository, for a lookup in the group.
type question struct {
	of     *Lookup
	asked  *member
	lookup *verify.Lookup
}

// Find begins the search for a target path, at any time. Only the repositories
// of the first entry that is for it are asked.
func (g *Group) Lookup(path string) *Lookup {
	g.lookups++
	l := &Lookup{path: path, born: g.lookups, entry: -1}
	g.pending[l] = true
	if g.broken != nil {
		g.finish(l, g.broken)
		return l
	}
	g.nextEntry(l)
	return l
}

// Drop forgets a lookup: it will not be settled, its Target stays
// verify.ErrPending, and nothing more is asked for on its account.
func (g *Group) Drop(l *Lookup) {
	for _, q := range l.questions {
		delete(g.waiting, q.lookup)
		q.asked.session.Drop(q.lookup)
	}
	delete(g.pending, l)
	of := func(f *Lookup) bool { return f == l }
	g.decided, g.queue = slices.DeleteFunc(g.decided, of), slices.DeleteFunc(g.queue, of)
}

// nextEntry asks the repositories of the next entry that is for the path, all
// of them together. (TAP 4 step 1, TAP 4 step 2)
func (g *Group) nextEntry(l *Lookup) {
	for l.entry++; l.entry < len(g.entries); l.entry++ {
		e := &g.entries[l.entry]
		if !slices.ContainsFunc(e.Paths, func(p string) bool { return delegation.Match(p, l.path) }) {
			continue
		}
		l.questions, l.open = nil, len(e.members)
		for _, x := range e.members {
			q := &question{l, x, x.session.Lookup(l.path)}
			l.questions = append(l.questions, q)
			g.waiting[q.lookup] = q
		}
		return
	}
	g.finish(l, l.nobody())
}

// nobody is the answer when there are no more entries.
func (l *Lookup) nobody() error {
	for _, step := range l.trail {
		if !errors.Is(step.Err, verify.ErrNoTarget) { // what was passed over must not be forgotten
			return step.Err
		}
	}
	if len(l.trail) == 0 {
		return fmt.Errorf("%w: %q: no entry of the map is for it", verify.ErrNoTarget, l.path)
	}
	return fmt.Errorf("%w: %q", verify.ErrNoTarget, l.path)
}

// heard notes that a repository has answered.
func (g *Group) heard(of *verify.Lookup) {
	q := g.waiting[of]
	if q == nil {
		return
	}
	delete(g.waiting, of)
	if q.of.open--; q.of.open == 0 {
		g.decided = append(g.decided, q.of)
	}
}

// decide settles the lookups whose repositories have all answered, or has them
// go on, and says whether there were any.
func (g *Group) decide() bool {
	list := g.decided
	g.decided = nil
	slices.SortFunc(list, func(a, b *Lookup) int { return cmp.Compare(a.born, b.born) })
	for _, l := range list {
		g.weigh(l)
	}
	return len(list) > 0
}

// weigh decides on an entry whose repositories have all answered. (TAP 4 step
// 4, TAP 4 step 5)
func (g *Group) weigh(l *Lookup) {
	e := &g.entries[l.entry]
	step, target := g.ask(l, e)
	l.trail = append(l.trail, step)
	absent := errors.Is(step.Err, verify.ErrNoTarget)
	switch {
	case step.Err == nil:
		l.target = target
		g.finish(l, nil)
	case (absent || g.options.FallThrough && passable(step.Err)) && !step.Terminating:
		g.nextEntry(l)
	case absent:
		g.finish(l, l.nobody())
	default:
		g.finish(l, step.Err)
	}
}

// passable says whether the text of TAP 4 has the search go on after this:
// everybody was heard, and too few agree. Where two files have enough each, it
// does not say so.
func passable(err error) bool {
	agreement := new(AgreementError)
	return errors.As(err, &agreement) && !agreement.Conflict && !errors.Is(err, ErrNoAnswer)
}

func (g *Group) finish(l *Lookup, err error) {
	delete(g.pending, l)
	l.err, l.questions = err, nil
	g.queue = append(g.queue, l)
}

// ask hears what the repositories of an entry say.
func (g *Group) ask(l *Lookup, e *entry) (Step, *Target) {
	step := Step{Entry: l.entry, Threshold: e.Threshold, Terminating: e.Terminating}
	statements := make([]*statement, len(l.questions))
	targets := make([]*verify.Target, len(l.questions))
	for i, q := range l.questions {
		t, err := q.lookup.Target()
		a := Answer{Repository: q.asked.name, Err: g.own(q.asked, err), Trail: q.lookup.Trail()}
		for i := range a.Trail {
			a.Trail[i].Err = g.own(q.asked, a.Trail[i].Err)
		}
		switch {
		case err == nil:
			s := newStatement(t.Length, t.Hashes, q.asked.options.Policy)
			statements[i], targets[i] = &s, t
			a.Outcome, a.Role, a.Length, a.Hashes = Lists, t.Role, t.Length, t.Hashes
		case errors.Is(err, verify.ErrNoTarget):
			a.Outcome = NoTarget
		}
		step.Answers = append(step.Answers, a)
	}
	q := findQuorum(statements, e.rootKeys(), e.Threshold)
	step.mark(statements, q)
	if q.agreed != 0 && !q.conflict {
		return step, newTarget(l.path, e, q.agreed, targets, statements)
	}
	step.Err = step.undecided(l.path, q.conflict)
	return step, nil
}

// Path returns the target path that is searched.
func (l *Lookup) Path() string { return l.path }

// Target returns what was found, or why nothing was: verify.ErrPending until
// Next has handed the lookup out, an error that wraps verify.ErrNoTarget if
// nobody who was asked has the target, and an *AgreementError if it was not
// decided.
func (l *Lookup) Target() (*Target, error) {
	if !l.handed {
		return nil, fmt.Errorf("%q: %w: Next (or Run) hands it out when it is settled", l.path, verify.ErrPending)
	}
	return l.target, l.err
}

// Trail returns every entry that was asked, in order, and who said what. The
// slices are the caller's.
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
