package multirepo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Lookup is the search for one target path through the entries of the map. Once it has been handed out by Next, and the records that came with
// it are saved, it does not change any more and may be used from several goroutines.
type Lookup struct {
	path      string
	born      int
	entry     int // that is being asked
	questions []*question
	open      int // questions without an answer
	trail     []Step
	target    *Target
	err       error
	settled   bool
	handed    bool
}

// question is a lookup in one repository, for a lookup in the group.
type question struct {
	of     *Lookup
	asked  *member
	lookup *verify.Lookup
}

// Verdict is what became of a repository's word.
type Verdict int

const (
	// Silent repositories could not be brought up to date, or could not say.
	Silent Verdict = iota
	// Absent: the repository has no such target.
	Absent
	// Lists: the repository lists the target, and neither belongs to those who agreed nor contradicts them. It may have no strong hash.
	Lists
	// Disagrees: the repository lists something else than one of those who agreed, or, if nobody did, than anybody.
	Disagrees
	// Agrees: the repository belongs to those who agreed.
	Agrees
)

func (v Verdict) String() string {
	return [...]string{"is silent", "has no such target", "lists it", "disagrees", "agrees"}[v]
}

// Answer is what one repository said.
type Answer struct {
	Repository string
	Verdict    Verdict
	// Role, Length and Hashes are what is listed, and by whom, if the verdict is Lists, Disagrees or Agrees.
	Role   string
	Length int64
	Hashes metadata.Hashes
	// Err says why the repository is silent or has no such target.
	Err error
	// Trail is that of the repository's own lookup.
	Trail []verify.Step
}

// String describes the answer in one line.
func (a Answer) String() string {
	line := metadata.Printable(a.Repository) + " " + a.Verdict.String()
	switch a.Verdict {
	case Silent:
		return fmt.Sprintf("%s: %v", line, a.Err)
	case Absent:
		return line
	}
	line += fmt.Sprintf(": %d bytes", a.Length)
	n := 0
	for name, digest := range a.Hashes.All() {
		if n++; n <= 2 {
			line += fmt.Sprintf(", %s %.16s", metadata.Printable(name), metadata.Printable(digest))
		}
	}
	return line
}

// Step is one entry of the map that a lookup asked, and what came of it.
type Step struct {
	Entry       int // counted from 0
	Threshold   int
	Terminating bool
	// Answers are those of the entry's repositories, in listed order.
	Answers []Answer
	// Err says why nothing is trusted on the word of this entry.
	Err error
}

// String describes the step in one line.
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mapping[%d], %d of %d", s.Entry, s.Threshold, len(s.Answers))
	if s.Terminating {
		b.WriteString(" (terminating)")
	}
	for i, a := range s.Answers {
		b.WriteString([...]string{": ", "; "}[min(i, 1)] + a.String())
	}
	return b.String()
}

// Find begins the search for a target path, at any time. Only the repositories of the first entry that is for it are asked.
func (g *Group) Find(path string) *Lookup {
	g.finds++
	l := &Lookup{path: path, born: g.finds, entry: -1}
	g.pending[l] = true
	if g.broken != nil {
		g.settle(l, g.broken)
		return l
	}
	g.nextEntry(l)
	return l
}

// Drop forgets a lookup: it will not be settled, its Target stays verify.ErrPending, and nothing more is asked for on its account.
func (g *Group) Drop(l *Lookup) {
	for _, q := range l.questions {
		delete(g.waiting, q.lookup)
		q.asked.session.Drop(q.lookup)
	}
	delete(g.pending, l)
	of := func(f *Lookup) bool { return f == l }
	g.decided, g.queue = slices.DeleteFunc(g.decided, of), slices.DeleteFunc(g.queue, of)
}

// nextEntry asks the repositories of the next entry that is for the path, all of them together. (TAP 4 step 1, TAP 4 step 2)
func (g *Group) nextEntry(l *Lookup) {
	for l.entry++; l.entry < len(g.entries); l.entry++ {
		e := &g.entries[l.entry]
		if !slices.ContainsFunc(e.Paths, func(p string) bool { return delegation.Match(p, l.path) }) {
			continue
		}
		l.questions, l.open = nil, len(e.members)
		for _, x := range e.members {
			q := &question{l, x, x.session.Find(l.path)}
			l.questions = append(l.questions, q)
			g.waiting[q.lookup] = q
		}
		return
	}
	g.settle(l, l.nobody())
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

// decide settles the lookups whose repositories have all answered, or has them go on, and says whether there were any.
func (g *Group) decide() bool {
	list := g.decided
	g.decided = nil
	slices.SortFunc(list, func(a, b *Lookup) int { return cmp.Compare(a.born, b.born) })
	for _, l := range list {
		g.weigh(l)
	}
	return len(list) > 0
}

// weigh decides on an entry whose repositories have all answered. (TAP 4 step 4, TAP 4 step 5)
func (g *Group) weigh(l *Lookup) {
	e := &g.entries[l.entry]
	step, target := l.ask(e)
	l.trail = append(l.trail, step)
	absent := errors.Is(step.Err, verify.ErrNoTarget)
	switch {
	case step.Err == nil:
		l.target = target
		g.settle(l, nil)
	case (absent || g.options.FallThrough && passable(step.Err)) && !step.Terminating:
		g.nextEntry(l)
	case absent:
		g.settle(l, l.nobody())
	default:
		g.settle(l, step.Err)
	}
}

// passable says whether the text of TAP 4 has the search go on after this: everybody was heard, and too few agree. Where two files have enough each, it does not say so.
func passable(err error) bool {
	agreement := new(AgreementError)
	return errors.As(err, &agreement) && !agreement.Conflict && !errors.Is(err, ErrSilent)
}

func (g *Group) settle(l *Lookup, err error) {
	delete(g.pending, l)
	l.err, l.settled, l.questions = err, true, nil
	g.queue = append(g.queue, l)
}

// ask hears what the repositories of an entry say.
func (l *Lookup) ask(e *entry) (Step, *Target) {
	step := Step{Entry: l.entry, Threshold: e.Threshold, Terminating: e.Terminating}
	statements := make([]*statement, len(l.questions))
	targets := make([]*verify.Target, len(l.questions))
	for i, q := range l.questions {
		t, err := q.lookup.Target()
		a := Answer{Repository: q.asked.name, Err: err, Trail: q.lookup.Trail()}
		switch {
		case err == nil:
			s := newStatement(t.Length, t.Hashes, q.asked.options.Policy)
			statements[i], targets[i] = &s, t
			a.Verdict, a.Role, a.Length, a.Hashes = Lists, t.Role, t.Length, t.Hashes
		case errors.Is(err, verify.ErrNoTarget):
			a.Verdict = Absent
		}
		step.Answers = append(step.Answers, a)
	}
	q := judge(statements, e.voices(), e.Threshold)
	step.mark(statements, q)
	if q.agreed != 0 && !q.conflict {
		return step, newTarget(l.path, e, q.agreed, targets, statements)
	}
	step.Err = step.undecided(l.path, q.conflict)
	return step, nil
}

// mark tells those who agree from those who contradict them.
func (s *Step) mark(statements []*statement, q quorum) {
	against := q.agreed
	if against == 0 || q.conflict {
		against = ^set(0)
	}
	for i, a := range statements {
		if a == nil {
			continue
		}
		if q.agreed.has(i) && !q.conflict {
			s.Answers[i].Verdict = Agrees
			continue
		}
		for j, b := range statements {
			if b != nil && against.has(j) {
				if _, contradict := compare(*a, *b); contradict {
					s.Answers[i].Verdict = Disagrees
				}
			}
		}
	}
}

func (s *Step) count(v Verdict) (n int) {
	for _, a := range s.Answers {
		if a.Verdict == v {
			n++
		}
	}
	return n
}

// undecided says why an entry has no answer. Silence is not the only reason if those who were heard do not agree anyway.
func (s *Step) undecided(path string, conflict bool) error {
	silent, absent, disagree := s.count(Silent), s.count(Absent), s.count(Disagrees)
	if absent == len(s.Answers) {
		return fmt.Errorf("%w: %q: in none of the repositories of mapping[%d]", verify.ErrNoTarget, path, s.Entry)
	}
	err := &AgreementError{Path: path, Step: *s, Conflict: conflict}
	if listed := disagree + s.count(Lists); listed > 0 && (silent == 0 || absent+disagree > 0) {
		err.reasons = append(err.reasons, ErrDisagreement)
	}
	if silent > 0 {
		err.reasons = append(err.reasons, ErrSilent)
	}
	return err
}

var (
	// ErrDisagreement says that too few repositories agree on a target that at least one of them lists.
	ErrDisagreement = errors.New("repositories do not agree")
	// ErrSilent says that a repository whose word was needed could not be heard.
	ErrSilent = errors.New("repository is silent")
)

// AgreementError says that the repositories of an entry could not decide on a target. It wraps ErrDisagreement, ErrSilent or both, and what kept
// the silent ones from answering.
type AgreementError struct {
	Path string
	// Step has the answers.
	Step Step
	// Conflict says that groups of repositories which contradict each other reach the threshold.
	Conflict bool

	reasons []error
}

func (e *AgreementError) Error() string {
	texts := make([]string, len(e.reasons))
	for i, err := range e.reasons {
		texts[i] = err.Error()
	}
	return fmt.Sprintf("%q: %s: %v", e.Path, strings.Join(texts, ", "), e.Step)
}

func (e *AgreementError) Unwrap() []error {
	errs := slices.Clone(e.reasons)
	for _, a := range e.Step.Answers {
		if a.Verdict == Silent {
			errs = append(errs, a.Err)
		}
	}
	return errs
}

// Path returns the target path that is searched.
func (l *Lookup) Path() string { return l.path }

// Target returns what was found, or why nothing was: verify.ErrPending until Next has handed the lookup out, an error that wraps verify.ErrNoTarget if nobody
// who was asked has the target, and an *AgreementError if it was not decided.
func (l *Lookup) Target() (*Target, error) {
	if !l.handed {
		return nil, fmt.Errorf("%q: %w: call Run or Next first", l.path, verify.ErrPending)
	}
	return l.target, l.err
}

// Trail returns every entry that was asked, in order, and who said what. The slice is the caller's.
func (l *Lookup) Trail() []Step {
	if !l.handed {
		return nil
	}
	return slices.Clone(l.trail)
}

// earliest is the first of the times at which a word expires.
func earliest(targets []*verify.Target, agreed set) (first time.Time) {
	for i, t := range targets {
		if agreed.has(i) && (first.IsZero() || t.Expires.Before(first)) {
			first = t.Expires
		}
	}
	return first
}
