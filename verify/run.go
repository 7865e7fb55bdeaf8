package verify

import (
	"errors"
	"fmt"
	"strings"
)

// Run does everything that there is to do: it saves what must be saved, and
// answers each request from the store, where that is allowed, and then from the
// live sources in turn. It returns Err at the end: nil if the update succeeded,
// whether or not the lookups found their targets (Lookup.Target says that);
// ErrSave (wrapped) if the store failed; and otherwise what ended the update,
// mostly a FetchError. Call it again after more calls of Lookup, or after
// Refresh.
//
// The store may be nil. A stored copy that is missing, unreadable or rejected
// is not an answer: the live sources are asked next. If a save fails, the
// session and its lookups cannot be used any more.
//
// A source whose body is rejected counts as failed, and the next one is asked.
// A FetchError holds a SourceError for each source. A file does not exist only
// if every live source returns ErrNotAtSource. So all of them must be up to
// show that there is no newer root: more sources help against one that lies,
// but not against one that is down. To tolerate that, use one Source that tries
// several hosts itself.
func (s *Session) Run(store Store, live ...Source) error {
	r := runner{s: s, store: store, live: live, cached: make(map[string]bool)}
	for {
		b, ok := s.Next()
		if !ok {
			return s.Err()
		}
		for _, rec := range b.Save {
			if err := r.save(rec); err != nil {
				s.Abandon(err)
				return s.Err()
			}
		}
		for _, req := range b.Fetch {
			if s.open[req.ID] != nil { // it may not be needed any more
				r.fetch(req)
			}
		}
	}
}

type runner struct {
	s      *Session
	store  Store
	live   []Source
	cached map[string]bool // names whose stored copy was accepted: no need to save it again
}

func (r *runner) save(rec Record) error {
	if r.store == nil || r.cached[rec.StoreName] {
		return nil
	}
	return r.store.Save(rec)
}

func (r *runner) fetch(req Request) {
	// Another delegation may need another file of the role, which must be
	// saved.
	delete(r.cached, req.StoreName)
	if r.store != nil && req.StoreName != "" {
		if data, err := r.store.Load(req.StoreName); err == nil && r.s.Provide(req.ID, data) == nil {
			r.cached[req.StoreName] = true
			return
		}
	}
	var errs sourceErrors
	notFound := 0
	for i, source := range r.live {
		data, err := source(req)
		if err == nil {
			if err = r.s.Provide(req.ID, data); err == nil {
				return
			}
			if reject := new(RejectError); errors.As(err, &reject) {
				err = fmt.Errorf("rejected: %w", reject.Err)
			}
		} else if errors.Is(err, ErrNotAtSource) {
			notFound++
		}
		errs = append(errs, &SourceError{i + 1, len(r.live), err})
	}
	if req.Optional && notFound > 0 && notFound == len(r.live) {
		_ = r.s.NotFound(req.ID) // the ID is open: it was just handed out
		return
	}
	if notFound < len(r.live) { // not every source says so
		for _, err := range errs {
			if s := err.(*SourceError); errors.Is(s.Err, ErrNotAtSource) {
				s.Err = errors.New(s.Err.Error())
			}
		}
	}
	if len(r.live) == 0 {
		errs = append(errs, errors.New("there is no live source"))
	}
	_ = r.s.Fail(req.ID, errs)
}

// SourceError says which of several live sources failed to answer a request, or
// sent a file that was rejected.
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

// sourceErrors holds the live sources' errors, in the order of the sources.
type sourceErrors []error

func (e sourceErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e sourceErrors) Unwrap() []error { return e }

// ErrSave is returned (wrapped) when a record could not be saved.
var ErrSave = errors.New("a trusted file could not be saved")

// Abandon ends the session because a record could not be saved. The lookups
// that Next handed out together with that record end too: they depend on what
// is not saved. From then on everything returns ErrSave and the cause
// (wrapped). A caller of Next whose save fails must call Abandon, or use
// nothing of the session any more.
func (s *Session) Abandon(cause error) {
	s.broken = fmt.Errorf("%w: %w", ErrSave, externalCause(cause))
	s.endUpdate(s.broken)
	clear(s.open)
	for _, l := range append(s.lastDone, s.queue.Done...) {
		l.target, l.err, l.handedOut = nil, s.broken, true
	}
	s.queue = Batch{}
}
