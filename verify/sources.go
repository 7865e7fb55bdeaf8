package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/internal/foreign"
	"github.com/tufwalk/tufwalk/metadata"
)

// ErrNotAtSource is how a Source says: I am live, and this file does not exist.
// HTTP's 404 and 410 mean it; so may a 403 from a store that hides missing
// keys. A timeout, a 500 or a cache miss does not.
var ErrNotAtSource = errors.New("not found at the source")

// ErrUnconfirmed is returned (wrapped), as a warning, when the chain of roots
// ended without the word of every source: at least one could not be asked, or
// sent a root that was rejected. The warning wraps what each of these said.
var ErrUnconfirmed = errors.New("not confirmed by every source that there is no newer root")

// SourceError says which of several sources could not answer a request, or
// answered it wrongly: then Err is a *RejectError.
type SourceError struct {
	Source, Of int    // counted from 1, in the order in which Run was given them
	Name       string // of the source, if the caller has one; Run has none
	Err        error
}

func (e *SourceError) Error() string {
	switch {
	case e.Name != "":
		return metadata.Printable(e.Name) + ": " + inFetchError(e.Err)
	case e.Of == 1:
		return inFetchError(e.Err)
	}
	return fmt.Sprintf("source %d of %d: %s", e.Source, e.Of, inFetchError(e.Err))
}

func (e *SourceError) Unwrap() error { return e.Err }

// sourceErrors are what the sources said, one after the other.
type sourceErrors []error

func (e sourceErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = inFetchError(err)
	}
	return strings.Join(texts, "; ")
}

func (e sourceErrors) Unwrap() []error { return e }

// inFetchError returns the text of an error that stands in a FetchError. That
// one names the file and the last root, once for all sources.
func inFetchError(err error) string {
	r, ok := err.(*RejectError)
	if !ok {
		return fmt.Sprint(err)
	}
	if last, ok := r.Err.(*lastRootError); ok {
		return fmt.Sprintf("rejected: %v", last.err)
	}
	return fmt.Sprintf("rejected: %v", r.Err)
}

// unconfirmed returns what those sources said that did not say that a file does
// not exist.
func unconfirmed(said []error) []error {
	return slices.DeleteFunc(slices.Clone(said), func(err error) bool { return errors.Is(err, ErrNotAtSource) })
}

// fetchCause returns what the sources said as the cause of a FetchError. It
// wraps ErrNotAtSource only if all of them said that the file does not exist:
// the word of some is not the word of all.
func fetchCause(said []error) error {
	if len(said) == 0 {
		return ErrNotAtSource
	}
	errs := slices.Clone(said)
	if len(unconfirmed(said)) == 0 {
		return sourceErrors(errs)
	}
	for i, err := range errs {
		if s, ok := err.(*SourceError); ok {
			errs[i] = &SourceError{s.Source, s.Of, s.Name, foreign.Cause(s.Err, ErrNotAtSource)}
		} else {
			errs[i] = foreign.Cause(err, ErrNotAtSource)
		}
	}
	return sourceErrors(errs)
}
