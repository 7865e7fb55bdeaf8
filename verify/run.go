package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/internal/foreign"
)

// Source is a mirror or a bundle: it answers a request with the file's bytes,
// with ErrNotAtSource (possibly wrapped), or with any other error if it could
// not find out.
type Source func(ctx context.Context, req Request) ([]byte, error)

// Updater is what a driver needs of a Session, or of several as in package
// multirepo.
type Updater interface {
	Next() (Batch, bool)
	Save(ctx context.Context, store Store, records []Record) error
	Provide(id RequestID, body []byte) error
	ProvideSaved(id RequestID, body []byte) error
	NotFound(id RequestID) error
	Fail(id RequestID, cause error) error
	Outstanding() []Request
	Wanted(id RequestID) bool
	Err() error
}

// Run goes through everything that there is to do: it saves what the session
// wants saved, asks the store first where that is allowed and then the sources
// in turn, and returns Err at the end: nil if the update succeeded, whether or
// not the lookups found what they looked for (Target says); ErrSave or
// ErrSuperseded as Save does; and otherwise what ended the update, mostly a
// FetchError. Call it again after more calls of Lookup. If the context ends
// while it waits for a source, it returns the context's error, and Run may be
// called again to go on; if it ends during a save, the save has failed.
//
// The store may be nil. It may help and never says no: a copy that is missing,
// unreadable or rejected is no answer. A file does not exist only if every
// source says ErrNotAtSource, so all of them have to be up for the word that
// there is no newer root: several sources help against one that lies, and not
// against one that is down. A Source that tries several hosts by itself does. A
// body that is rejected sends the request to the next source, and a FetchError
// holds a SourceError for each. If a save fails, the session and its lookups
// are of no use any more.
func (s *Session) Run(ctx context.Context, store Store, sources ...Source) error {
	return Drive(ctx, s, func(string) Store { return store }, func(string) []Source { return sources })
}

// Drive is Run for any Updater: stores and sources are those of the named
// repository. A store may be nil.
func Drive(
	ctx context.Context, u Updater, stores func(repository string) Store, sources func(repository string) []Source,
) error {
	open := u.Outstanding() // from a run whose context ended
	for {
		for _, req := range open {
			if ctx.Err() == nil && u.Wanted(req.ID) {
				fetch(ctx, u, req, stores(req.Repository), sources(req.Repository))
			}
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		b, ok := u.Next()
		if !ok {
			return u.Err()
		}
		for len(b.Save) > 0 {
			repository := b.Save[0].Repository
			n := slices.IndexFunc(b.Save, func(rec Record) bool { return rec.Repository != repository })
			if n < 0 {
				n = len(b.Save)
			}
			if err := u.Save(ctx, stores(repository), b.Save[:n]); err != nil {
				return u.Err()
			}
			b.Save = b.Save[n:]
		}
		open = b.Fetch
	}
}

// fetch has a request answered: by the store, by a source, or by saying why
// not.
func fetch(ctx context.Context, u Updater, req Request, store Store, sources []Source) {
	if store != nil && req.StoreName != "" {
		if data, err := store.Load(ctx, req.StoreName); err == nil && u.ProvideSaved(req.ID, data) == nil {
			return
		}
	}
	var errs sourceErrors
	absent := 0
	for i, source := range sources {
		data, err := source(ctx, req)
		if err == nil {
			if err = u.Provide(req.ID, data); err == nil {
				return
			}
			if reject := new(RejectError); errors.As(err, &reject) {
				err = fmt.Errorf("rejected: %w", reject.Err)
			}
		} else if errors.Is(err, ErrNotAtSource) {
			absent++
		}
		errs = append(errs, &SourceError{i + 1, len(sources), err})
	}
	if req.Optional && absent > 0 && absent == len(sources) {
		_ = u.NotFound(req.ID) // the ID is open
		return
	}
	if ctx.Err() != nil {
		return // the request stays open: another run may go on
	}
	if absent < len(sources) { // the word of some is not the word of all
		for _, err := range errs {
			s := err.(*SourceError)
			s.Err = foreign.Cause(s.Err, ErrNotAtSource)
		}
	}
	if len(sources) == 0 {
		errs = append(errs, errors.New("there is no live source"))
	}
	_ = u.Fail(req.ID, errs)
}

// SourceError says which of several sources could not answer a request, or
// answered it wrongly.
type SourceError struct {
	Source, Of int // counted from 1, in the order in which Run was given them
	Err        error
}

func (e *SourceError) Error() string {
	if e.Of == 1 {
		return e.Err.Error()
	}
	return fmt.Sprintf("source %d of %d: %v", e.Source, e.Of, e.Err)
}

func (e *SourceError) Unwrap() error { return e.Err }

// sourceErrors are what the sources said, one after the other.
type sourceErrors []error

func (e sourceErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e sourceErrors) Unwrap() []error { return e }
