package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	NotFound(id RequestID, said ...error) error
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
// unreadable or rejected is no answer. A body that is rejected sends the
// request to the next source. A FetchError holds a SourceError for each source,
// with a RejectError for a body that was rejected.
//
// There is no newer root if at least one source says ErrNotAtSource, and none
// that answers has one that is accepted. A source that is down, or sends junk,
// does not stop the update; Warnings and ChainEnd say what it said. So hiding a
// root works until the old root expires, for anyone who holds keys that the
// hidden root revokes and can keep the honest sources from being heard. On the
// other side, a list of sources must not be less available than each of them.
// Options.EverySource wants the word of each. Any other file does not exist
// only if every source says so.
//
// If a save fails, the session and its lookups are of no use any more.
func (s *Session) Run(ctx context.Context, store Store, sources ...Source) error {
	return Drive(ctx, s, func(string) Store { return store }, func(string) []Source { return sources })
}

// Drive is Run for any Updater: stores and sources are those of the named
// repository. A store may be nil. It fetches one file after the other, and none
// that is not needed (Request.Ahead).
func Drive(
	ctx context.Context, u Updater, stores func(repository string) Store, sources func(repository string) []Source,
) error {
	for {
		for _, req := range u.Outstanding() {
			if ctx.Err() == nil && needed(u, req) {
				fetch(ctx, u, req, stores(req.Repository), sources(req.Repository))
			}
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		b, ok := u.Next()
		if !ok && !slices.ContainsFunc(u.Outstanding(), func(req Request) bool { return needed(u, req) }) {
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
	}
}

// needed says whether a request must be answered now. One that was ahead may
// have become needed.
func needed(u Updater, req Request) bool { return !req.Ahead && u.Wanted(req.ID) }

// fetch has a request answered: by the store, by a source, or by saying why
// not.
func fetch(ctx context.Context, u Updater, req Request, store Store, sources []Source) {
	if store != nil && req.StoreName != "" {
		if data, err := store.Load(ctx, req.StoreName); err == nil && u.ProvideSaved(req.ID, data) == nil {
			return
		}
	}
	var errs []error
	absent := false
	for _, source := range sources {
		data, err := source(ctx, req)
		if err == nil {
			err = u.Provide(req.ID, data)
		}
		if err == nil {
			return
		}
		absent = absent || errors.Is(err, ErrNotAtSource)
		errs = append(errs, err)
	}
	said := make([]error, len(errs))
	for i, err := range foreign.Causes(errs, ErrNotAtSource, ownErrors...) {
		said[i] = &SourceError{Source: i + 1, Of: len(sources), Err: err}
	}
	switch {
	case ctx.Err() != nil: // the request stays open: another run may go on
	case absent:
		_ = u.NotFound(req.ID, said...) // the ID is open
	case len(sources) == 0:
		_ = u.Fail(req.ID, errNoSource)
	default:
		_ = u.Fail(req.ID, sourceErrors(said))
	}
}

var errNoSource = errors.New("there is no live source")
