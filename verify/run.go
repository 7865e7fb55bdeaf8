package verify

import (
	"errors"
	"fmt"
	"strings"
)

// Run goes through everything that there is to do: it saves what the session
// wants saved, asks the store first where that is allowed and then the live
// sources in turn, and returns Err at the end: nil if the cycle succeeded,
// whether or not the lookups found what they looked for (Target says); ErrSave
// if the store failed; and otherwise what ended the cycle, mostly a FetchError.
// Call it again after more calls of Find, or after Refresh.
//
// The store may be nil. It may help and never says no: a copy that is missing,
// unreadable or rejected is no answer. A file does not exist only if every live
// source says ErrNotAtSource, so all of them have to be up for the word that
// there is no newer root: several sources help against one that lies, and not
// against one that is down. A Source that tries several hosts by itself does. A
// body that is rejected sends the request to the next source, and a FetchError
// holds a SourceError for each. If a save fails, the session and its lookups
// are of no use any more.
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
	cached map[string]bool // names whose stored copy was just trusted again
}

func (r *runner) save(rec Record) error {
	if r.store == nil || r.cached[rec.StoreName] {
		return nil
	}
	return r.store.Save(rec)
}

func (r *runner) fetch(req Request) {
	delete(r.cached, req.StoreName) // another edge may need another file of the role, and that is to be saved
	if r.store != nil && req.StoreName != "" {
		if data, err := r.store.Load(req.StoreName); err == nil && r.s.Provide(req.ID, data) == nil {
			r.cached[req.StoreName] = true
			return
		}
	}
	var errs sourceErrors
	absent := 0
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
			absent++
		}
		errs = append(errs, &SourceError{i + 1, len(r.live), err})
	}
	if req.Optional && absent > 0 && absent == len(r.live) {
		_ = r.s.NotFound(req.ID) // the ID is open: it was just handed out
		return
	}
	if absent < len(r.live) { // the word of some is not the word of all
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

// SourceError says which of several live sources could not answer a request, or
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

// sourceErrors are what the live sources said, one after the other.
type sourceErrors []error

func (e sourceErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e sourceErrors) Unwrap() []error { return e }

// ErrSave is what errors about records that could not be saved wrap.
var ErrSave = errors.New("a trusted file could not be saved")

// Abandon makes the session useless because a record could not be saved, and
// with it the lookups that Next handed out together with that record: they rest
// on what is not saved. Everything reports ErrSave and the cause from then on.
// Callers of Next must call it, or use nothing any more.
func (s *Session) Abandon(cause error) {
	s.broken = fmt.Errorf("%w: %w", ErrSave, foreign(cause))
	s.endUpdate(s.broken)
	clear(s.open)
	for _, l := range append(s.doneNow, s.queue.Done...) {
		l.target, l.err, l.handed = nil, s.broken, true
	}
	s.queue = Batch{}
}
