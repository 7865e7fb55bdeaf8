package verify

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
)

// RequestID names one request of one session. IDs count up from 1 and are never
// reused.
type RequestID uint64

// Request asks the caller for one metadata file.
type Request struct {
	ID RequestID

	// Role is the role whose file is wanted: "root", "timestamp", "snapshot",
	// "targets" or the name of a delegated role.
	Role string
	// Version is the version that the file must have; 0 for the timestamp,
	// whose version nobody knows yet.
	Version int64
	// Delegator is the role that lists the keys which the file must be signed
	// with.
	Delegator string

	// Path is where a mirror keeps the file: relative to the metadata base URL
	// and percent-encoded, to be appended as it is.
	Path string
	// Name is where a saved copy would be, as in Record.StoreName. Empty: only
	// a live source may answer, because an old copy would be a silent freeze.
	StoreName string
	// MaxBytes bounds the answer. The caller must not read more than MaxBytes+1
	// bytes, and hands over what it has: by the one byte too many the session
	// sees that a file is too long.
	MaxBytes int64

	// Optional says that NotFound is an ordinary answer (the next root).
	Optional bool

	// Ahead says that the file is not needed yet, and perhaps never will be
	// (Options.Lookahead). Any answer to it counts only when its turn comes:
	// after a nil from Provide the body is kept, or known to be good, but not
	// trusted. An answer that comes when the file is not needed any more is
	// taken and means nothing. Outstanding tells what has become of a request.
	Ahead bool
}

// task is an open request, and what the session knows about it.
type task struct {
	Request
	listed metadata.MetaFile // what is listed for the file, if it is listed anywhere
	edge   *edge             // for targets files
	handed bool
	answer *answer // if it came ahead
}

// Batch is what a session wants done. The caller must go through the fields in
// their order.
type Batch struct {
	// Save holds files that are trusted now. Each must be stored durably, in
	// order, before anything else is done; if that fails, Abandon must be
	// called.
	Save []Record
	// Rejected holds bodies that had been accepted ahead and proved bad when
	// their turn came: the fault of the sources that sent them. The request of
	// each is done, and there is a new one for the file.
	Rejected []*RejectError
	// Fetch holds new requests, each of which is handed out once. They may be
	// answered in any order, and at any time.
	Fetch []Request
	// Found holds the lookups that have just been settled, whichever way.
	Done []*Lookup
}

// ErrNotAtSource is how a Source says: I am live, and this file does not exist.
// HTTP's 404 and 410 mean it; so may a 403 from a store that hides missing
// keys. A timeout, a 500 or a cache miss does not.
var ErrNotAtSource = errors.New("not found at the source")

// Source is a mirror or a bundle: it answers a request with the file's bytes,
// with ErrNotAtSource (possibly wrapped), or with any other error if it could
// not find out. One that waits for a network should be a closure over a
// context.
type Source func(Request) ([]byte, error)

// ErrRequest is what errors about request IDs wrap: the caller's mistake, not a
// source's.
var ErrRequest = errors.New("no such open request")

// RequestError says what is wrong with a request ID.
type RequestError struct {
	ID     RequestID
	Reason string
}

func (e *RequestError) Error() string { return fmt.Sprintf("%v: ID %d %s", ErrRequest, e.ID, e.Reason) }
func (e *RequestError) Unwrap() error { return ErrRequest }

// RejectError says that a body was not what was asked for: the fault of the
// source that it came from. As Provide returns it, the request is still open,
// and the session as it was before.
type RejectError struct {
	Request Request
	Err     error
}

func (e *RejectError) Error() string { return fmt.Sprintf("%s rejected: %v", e.Request.Path, e.Err) }
func (e *RejectError) Unwrap() error { return e.Err }

// FetchError says that a file could not be had: what the caller gave as the
// reason, or ErrNotAtSource.
type FetchError struct {
	Request Request
	Err     error
}

func (e *FetchError) Error() string {
	if r, ok := e.Err.(*RejectError); ok { // it names the file once more
		return fmt.Sprintf("%s could not be had: rejected: %v", e.Request.Path, r.Err)
	}
	return fmt.Sprintf("%s could not be had: %v", e.Request.Path, e.Err)
}

func (e *FetchError) Unwrap() error { return e.Err }

var errGivenUp = errors.New("given up")

// ask opens a request, unless the file was asked for ahead.
func (s *Session) ask(t *task) {
	if t.edge != nil || !s.due(t.Role, t.Version) {
		s.hand(t)
	}
}

// hand has a request handed out.
func (s *Session) hand(t *task) {
	s.lastID++
	t.ID = s.lastID
	s.open[t.ID] = t
	if t.Ahead {
		s.aheadOpen++
	}
	s.queue.Fetch = append(s.queue.Fetch, t.Request)
}

// task returns the open request that is to be answered, or nil if there is
// nothing to do: the answer to one that is not needed any more is taken, and
// means nothing.
func (s *Session) task(id RequestID) (*task, error) {
	switch t := s.open[id]; {
	case s.broken != nil:
		return nil, s.broken
	case s.dropped[id]:
		delete(s.dropped, id)
		return nil, nil
	case t != nil && t.handed:
		return t, nil
	case t != nil || id > s.lastID:
		return nil, &RequestError{id, "has not been handed out"}
	case id == 0:
		return nil, &RequestError{id, "is never used"}
	}
	return nil, &RequestError{id, "is settled"}
}

// Next hands out what there is to do, and says whether there is anything.
// Calling it late or often loses nothing.
func (s *Session) Next() (Batch, bool) {
	b := s.queue
	s.queue, s.doneNow = Batch{}, b.Done
	for _, r := range b.Fetch {
		s.open[r.ID].handed = true
	}
	for _, l := range b.Done {
		l.handed = true
	}
	return b, len(b.Save)+len(b.Rejected)+len(b.Fetch)+len(b.Done) > 0
}

// Provide answers a request with a body from any source, trusted or not. On a
// *RejectError everything is as before and the request is still open, so that
// another source's copy may be offered; a *RequestError is the caller's
// mistake. The body is the caller's again when Provide returns.
func (s *Session) Provide(id RequestID, body []byte) error {
	t, err := s.task(id)
	if t == nil {
		return err
	}
	if t.kept() {
		if err := t.checkLength(body); err != nil {
			return &RejectError{t.Request, err}
		}
		s.keep(t, answer{body: body})
		return nil
	}
	commit, err := s.judge(t, body)
	if err != nil {
		return &RejectError{t.Request, err}
	}
	s.close(t)
	commit()
	return nil
}

// kept says whether an answer has to wait for its turn.
func (t *task) kept() bool { return t.Ahead && t.edge == nil }

// NotFound answers a request with the word of every live source that the file
// does not exist. A cache miss is not an answer, and a source that could not be
// asked leaves the question open: that is Fail. For the next root that is how a
// chain of roots ends; any other file is given up. The error is a
// *RequestError.
func (s *Session) NotFound(id RequestID) error {
	t, err := s.task(id)
	if t == nil {
		return err
	}
	if t.kept() {
		s.keep(t, answer{absent: true})
		return nil
	}
	s.close(t)
	s.absent(t)
	return nil
}

// Fail gives a request up: no source could answer it well. For one of the
// top-level roles that ends the cycle, for a delegated role the lookups that
// need it; they report a *FetchError with the cause. The error is a
// *RequestError.
func (s *Session) Fail(id RequestID, cause error) error {
	t, err := s.task(id)
	if t == nil {
		return err
	}
	if cause == nil {
		cause = errGivenUp
	}
	cause = foreign(cause)
	if t.kept() {
		s.keep(t, answer{cause: cause})
		return nil
	}
	s.close(t)
	s.given(t, cause)
	return nil
}

// foreign returns a cause that comes from outside as it is, unless it wraps
// what only a session may say of itself: of such a cause the text is left. A
// source may well be a client of another repository, and what that one does not
// have may yet be here.
func foreign(cause error) error {
	for _, own := range []error{ErrNoTarget, ErrPending, ErrInProgress, ErrSave} {
		if errors.Is(cause, own) {
			return errors.New(cause.Error())
		}
	}
	return cause
}

// Outstanding returns the open requests that have been handed out, in the order
// of their IDs.
func (s *Session) Outstanding() []Request {
	var list []Request
	for _, t := range s.open {
		if t.handed {
			list = append(list, t.Request)
		}
	}
	slices.SortFunc(list, func(a, b Request) int { return int(a.ID) - int(b.ID) })
	return list
}
