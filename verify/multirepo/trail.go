package multirepo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Verdict is what became of a repository's word.
type Outcome int

const (
	// Silent repositories could not be brought up to date, or could not say.
	NoAnswer Outcome = iota
	// Absent: the repository has no such target.
	NoTarget
	// Lists: the repository lists the target, and neither belongs to those who
	// agreed nor contradicts them. It may have no strong hash.
	Lists
	// Disagrees: the repository lists something else than one of those who
	// agreed, or, if nobody did, than anybody.
	Disagrees
	// Agrees: the repository belongs to those who agreed.
	Agrees
)

func (v Outcome) String() string {
	return [...]string{"is silent", "has no such target", "lists it", "disagrees", "agrees"}[v]
}

// Answer is what one repository said.
type Answer struct {
	Repository string
	Outcome    Outcome
	// Role, Length and Hashes are what is listed, and by whom, if the verdict
	// is Lists, Disagrees or Agrees.
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
	line := metadata.Printable(a.Repository) + " " + a.Outcome.String()
	switch a.Outcome {
	case NoAnswer:
		return fmt.Sprintf("%s: %v", line, a.Err)
	case NoTarget:
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

func (s Step) clone() Step {
	s.Answers = slices.Clone(s.Answers)
	for i := range s.Answers {
		s.Answers[i].Trail = slices.Clone(s.Answers[i].Trail)
	}
	return s
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
		for j, b := range statements {
			if b != nil && against.has(j) {
				if _, contradict := compare(*a, *b); contradict {
					s.Answers[i].Outcome = Disagrees
				}
			}
		}
		if q.agreed.has(i) && !q.conflict {
			s.Answers[i].Outcome = Agrees
		}
	}
}

func (s *Step) count(v Outcome) (n int) {
	for _, a := range s.Answers {
		if a.Outcome == v {
			n++
		}
	}
	return n
}

// undecided says why an entry has no answer. Silence is not the only reason if
// those who were heard do not agree anyway.
func (s *Step) undecided(path string, conflict bool) error {
	silent, absent, disagree := s.count(NoAnswer), s.count(NoTarget), s.count(Disagrees)
	if absent == len(s.Answers) {
		return fmt.Errorf("%w: %q: in none of the repositories of mapping[%d]", verify.ErrNoTarget, path, s.Entry)
	}
	err := &AgreementError{Path: path, Step: s.clone(), Conflict: conflict}
	if listed := disagree + s.count(Lists); listed > 0 && (silent == 0 || absent+disagree > 0) {
		err.reasons = append(err.reasons, ErrDisagreement)
	}
	if silent > 0 {
		err.reasons = append(err.reasons, ErrNoAnswer)
	}
	return err
}

var (
	// ErrDisagreement says that too few repositories agree on a target that at
	// least one of them lists.
	ErrDisagreement = errors.New("repositories do not agree")
	// ErrNoAnswer says that a repository whose word was needed could not be
	// heard.
	ErrNoAnswer = errors.New("repository is silent")
)

// AgreementError says that the repositories of an entry could not decide on a
// target. It wraps ErrDisagreement, ErrNoAnswer or both, and what kept the
// silent ones from answering.
type AgreementError struct {
	Path string
	// Step has the answers.
	Step Step
	// Conflict says that groups of repositories which contradict each other
	// reach the threshold.
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
		if a.Outcome == NoAnswer {
			errs = append(errs, a.Err)
		}
	}
	return errs
}
