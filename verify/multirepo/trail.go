package multirepo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Outcome is what a repository's answer came to.
type Outcome int

const (
	// NoAnswer: the repository could not be brought up to date, or its search
	// did not come to an end. This does not mean that it has no such target.
	NoAnswer Outcome = iota
	// Uncertain: the repository seems to have no such target, but a mirror can
	// have forged that (verify.NoTargetError). It counts like NoAnswer, except
	// where no later entry could answer instead.
	Uncertain
	// NoTarget: the repository has no such target, for certain.
	NoTarget
	// Lists: the repository lists the target. It is not one of those that
	// agreed, and does not contradict them. It may list no strong hash.
	Lists
	// Disagrees: the repository contradicts one of those that agreed. If none
	// agreed, it contradicts any other one.
	Disagrees
	// Agrees: the repository is one of those that agreed.
	Agrees
)

var outcomes = [...]string{
	"gives no answer", "has no such target, but that is uncertain", "has no such target",
	"lists it", "disagrees", "agrees",
}

// String returns the outcome as the end of a sentence about the repository.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomes) {
		return fmt.Sprintf("Outcome(%d)", int(o))
	}
	return outcomes[o]
}

// Answer is what one repository answered.
type Answer struct {
	Repository string
	Outcome    Outcome
	// Role, Length and Hashes are what the repository lists, and the role that
	// lists it, if the outcome is Lists, Disagrees or Agrees.
	Role   string
	Length int64
	Hashes metadata.Hashes
	// Err is the reason if the outcome is NoAnswer, Uncertain or NoTarget.
	Err error
	// AsOf is the time of the update that the answer is from, if the
	// repository could not be brought up to date and answers from an earlier
	// view (Group.Renew); otherwise zero.
	AsOf time.Time
	// OneVoiceWith is an earlier repository of the entry with which this one
	// counts once, since the same keys can have signed both answers; mostly
	// empty.
	OneVoiceWith string

	lookup *verify.Lookup // nil if there was none
}

// Trail returns the trail of the repository's own lookup, as
// verify.Lookup.Trail does.
func (a Answer) Trail() []verify.Step {
	if a.lookup == nil {
		return nil
	}
	return a.lookup.Trail()
}

// String describes the answer in one line. It shows two hashes at most.
func (a Answer) String() string {
	line := metadata.Printable(a.Repository) + " " + a.Outcome.String()
	if !a.AsOf.IsZero() {
		line += " as of " + a.AsOf.UTC().Format(time.RFC3339)
	}
	if a.OneVoiceWith != "" {
		line += " (one voice with " + metadata.Printable(a.OneVoiceWith) + ")"
	}
	switch a.Outcome {
	case NoAnswer:
		return fmt.Sprintf("%s: %v", line, a.Err)
	case Uncertain, NoTarget:
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
	// Err says why this entry does not make the target trusted; nil if it does.
	Err error
}

func (s Step) clone() Step {
	s.Answers = slices.Clone(s.Answers)
	return s
}

// String describes the step in one line.
func (s Step) String() string {
	line := fmt.Sprintf("mapping[%d], %d of %d", s.Entry, s.Threshold, len(s.Answers))
	if s.Terminating {
		line += " (terminating)"
	}
	answers := make([]string, len(s.Answers))
	for i, a := range s.Answers {
		answers[i] = a.String()
	}
	if len(answers) > 0 {
		line += ": " + strings.Join(answers, "; ")
	}
	return line
}

// setOutcomes tells the repositories that agree from those that contradict
// them.
func (s *Step) setOutcomes(listings []*listing, q quorum) {
	against := q.agreed
	if against == 0 || q.conflict {
		against = ^set(0)
	}
	for i, a := range listings {
		if a == nil {
			continue
		}
		for j, b := range listings {
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

func (s *Step) count(o Outcome) (n int) {
	for _, a := range s.Answers {
		if a.Outcome == o {
			n++
		}
	}
	return n
}

// failure says why an entry does not make the target trusted. Repositories
// without a certain answer are not the only reason if the others do not agree
// anyway.
func (s *Step) failure(path string, conflict bool) error {
	if s.count(NoTarget)+s.count(Uncertain) == len(s.Answers) {
		return fmt.Errorf("%w: in none of the repositories of mapping[%d]", s.noTarget(path), s.Entry)
	}
	return s.undecided(path, conflict)
}

// noTarget is the error of an entry all of whose repositories have no such
// target.
func (s *Step) noTarget(path string) *verify.NoTargetError {
	no := &verify.NoTargetError{Path: path, Certain: true}
	for _, a := range s.Answers {
		one := new(verify.NoTargetError)
		if errors.As(a.Err, &one) {
			no.Include(one)
		}
	}
	return no
}

func (s *Step) undecided(path string, conflict bool) *AgreementError {
	noAnswer, uncertain, noTarget, disagree := s.count(NoAnswer), s.count(Uncertain), s.count(NoTarget), s.count(Disagrees)
	err := &AgreementError{Path: path, Step: s.clone(), Conflict: conflict}
	if listed := disagree + s.count(Lists); listed > 0 && (conflict || noAnswer+uncertain == 0 || noTarget+disagree > 0) {
		err.reasons = append(err.reasons, ErrDisagreement)
	}
	if noAnswer > 0 {
		err.reasons = append(err.reasons, ErrNoAnswer)
	}
	if uncertain > 0 {
		err.reasons = append(err.reasons, verify.ErrUndecided)
	}
	return err
}
