package multirepo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/internal/foreign"
	"github.com/tufwalk/tufwalk/verify"
)

// sentinel is an error that verify.KindOf can sort.
type sentinel struct {
	text string
	kind verify.Kind
}

func (e *sentinel) Error() string     { return e.text }
func (e *sentinel) Kind() verify.Kind { return e.kind }

var (
	// ErrMap is returned (wrapped) by New when a group cannot be made of the
	// map and the repositories that it was given.
	ErrMap error = &sentinel{"map and repositories do not fit", verify.KindMistake}
	// ErrDisagreement is returned (wrapped) when at least one repository of an
	// entry lists a target, and too few of them agree on it.
	ErrDisagreement error = &sentinel{"repositories do not agree", verify.KindWrongBytes}
	// ErrNoAnswer is returned (wrapped) when a repository that was needed for a
	// decision gave no answer.
	ErrNoAnswer error = &sentinel{"repository gives no answer", verify.KindUnreachable}
	// ErrSharedKeys is returned (wrapped), as a warning, for two repositories
	// that must agree and whose timestamps or snapshots the same keys can sign.
	ErrSharedKeys error = &sentinel{"repositories share keys", verify.KindMistake}
)

// RepositoryError is an error about one repository.
//
// New returns it for a repository that it cannot use; then it wraps ErrMap.
// Group.Err and Group.Warnings return it for a repository that could not be
// brought up to date, and Group.Warnings for each warning.
type RepositoryError struct {
	Repository string
	Err        error
}

func (e *RepositoryError) Error() string {
	return fmt.Sprintf("repository %q: %v", e.Repository, e.Err)
}

func (e *RepositoryError) Unwrap() error { return e.Err }

// AgreementError says that the repositories of an entry did not decide on a
// target. It wraps one or more of ErrDisagreement, ErrNoAnswer and
// verify.ErrUndecided, and the errors of the repositories that gave no answer.
// ErrUndecided means that a repository has no such target, but that a mirror
// can have forged that.
type AgreementError struct {
	Path string
	// Step has the answers.
	Step Step
	// Conflict says that several groups of repositories reach the threshold,
	// and that they contradict each other.
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

// ownErrors are what only a group, or one of its sessions, may say of itself.
var ownErrors = []error{
	ErrDisagreement, ErrNoAnswer, ErrMap,
	verify.ErrNoTarget, verify.ErrUndecided, verify.ErrPending, verify.ErrInProgress, verify.ErrSave, verify.ErrSuperseded,
}

// fromOutside returns a cause without what only a group, or one of its
// sessions, may say of itself.
func fromOutside(cause error) error { return foreign.Cause(cause, ownErrors...) }
