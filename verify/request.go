package verify

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
)

// RequestID identifies a request of one session. IDs count up from 1 and are
// never reused.
type RequestID uint64

// Request asks the caller for one metadata file.
type Request struct {
	ID RequestID

	// Role is the role whose file is wanted: "root", "timestamp", "snapshot",
	// "targets" or the name of a delegated role.
	Role string
	// Version is the version that the file must have; 0 for the timestamp,
	// whose version is not known yet.
	Version int64
	// Delegator is the role that lists the keys which must sign the file.
	Delegator string

	// Path is where a mirror has the file: relative to the metadata base URL
	// and percent-encoded, to be appended as it is.
	Path string
	// StoreName is the name of a stored copy, as in Record.StoreName. If it is
	// empty, only a live source may answer: an old copy would silently freeze
	// the client.
	StoreName string
	// MaxBytes bounds the answer. The caller must read at most MaxBytes+1 bytes
	// and pass on what it has: the one byte too many tells the session that the
	// file is too long.
	MaxBytes int64

	// Optional says that NotFound is an ordinary answer. It is set for the next
	// root.
	Optional bool

	// Ahead says that the file is not needed yet, and perhaps never will be
	// (Options.Lookahead). An answer takes effect only when its turn comes.
	// After Provide has returned nil, the body is held back, or known to be
	// valid, but it is not trusted. If the file is not needed any more, an
	// answer is accepted and ignored. Session.Outstanding returns the present
	// state of a request.
	Ahead bool
}

// task is an open request, and what the session knows about it.
type task struct {
	Request
	listed    metadata.MetaFile // what is listed for the file, if it is listed anywhere
	edge      *edge             // for targets files
	answer    *answer           // if it is held back
	handedOut bool
}

// Batch is what the caller has to do next. It must go through the fields in
// their order.
type Batch struct {
	// Save holds files that are trusted now. Each must be stored durably, in
	// order, before anything else is done. If that fails, Abandon must be
	// called.
	Save []Record
	// Rejected holds bodies that were accepted ahead and turned out to be bad
	// when their turn came. The sources that sent them are at fault. The
	// request of each is done, and there is a new one for the file.
	Rejected []*RejectError
	// Fetch holds new requests. Each is handed out once. They may be answered
	// in any order and at any time.
	Fetch []Request
	// Done holds the lookups that have just got their answers, whether or not
	// they found their targets.
	Done []*Lookup
}

// ErrNotAtSource is what a Source returns (it may wrap it) when it is live and
// the file does not exist. An HTTP status of 404 or 410 means that; so may a
// 403 from a store that hides missing keys. A timeout, a 500 or a cache miss
// does not.
var ErrNotAtSource = errors.New("not found at the source")

// Source is a mirror or a bundle. It answers a request with the file's bytes,
// with ErrNotAtSource (possibly wrapped), or with any other error if it could
// not find out. A Source that waits for a network should be a closure over a
// context.
type Source func(Request) ([]byte, error)

// ErrRequest is returned (wrapped) for a request ID that cannot be answered. It
// is the caller's mistake, not a source's.
var ErrRequest = errors.New("no such open request")

// RequestError says what is wrong with a request ID. It wraps ErrRequest.
type RequestError struct {
	ID     RequestID
	Reason string
}

func (e *RequestError) Error() string { return fmt.Sprintf("%v: ID %d %s", ErrRequest, e.ID, e.Reason) }
func (e *RequestError) Unwrap() error { return ErrRequest }

// RejectError says why a body is not the file that was asked for. The source
// that sent it is at fault. When Provide returns it, the request is still open
// and the session is unchanged.
type RejectError struct {
	Request Request
	Err     error
}

func (e *RejectError) Error() string { return fmt.Sprintf("%s rejected: %v", e.Request.Path, e.Err) }
func (e *RejectError) Unwrap() error { return e.Err }

// FetchError says that a file could not be fetched. Err is the cause that the
// caller passed to Fail, or ErrNotAtSource.
type FetchError struct {
	Request Request
	Err     error
}

func (e *FetchError) Error() string {
	if r, ok := e.Err.(*RejectError); ok { // its text would name the file again
		return fmt.Sprintf("%s could not be fetched: rejected: %v", e.Request.Path, r.Err)
	}
	return fmt.Sprintf("%s could not be fetched: %v", e.Request.Path, e.Err)
}

func (e *FetchError) Unwrap() error { return e.Err }

var errGivenUp = errors.New("given up")

// ask opens a request, unless the file was asked for ahead.
func (s *Session) ask(t *task) {
	if t.edge != nil || !s.useAhead(t.Role, t.Version) {
		s.enqueue(t)
	}
}

// enqueue opens a request, to be handed out by Next.
func (s *Session) enqueue(t *task) {
	s.lastID++
	t.ID = s.lastID
	s.open[t.ID] = t
	if t.Ahead {
		s.aheadOpen++
	}
	s.queue.Fetch = append(s.queue.Fetch, t.Request)
}

// task returns the open request that is to be answered. It returns nil without
// an error for a request that is not needed any more: the answer is ignored.
func (s *Session) task(id RequestID) (*task, error) {
	switch t := s.open[id]; {
	case s.broken != nil:
		return nil, s.broken
	case s.dropped[id]:
		delete(s.dropped, id)
		return nil, nil
	case t != nil && t.handedOut:
		return t, nil
	case t != nil || id > s.lastID:
		return nil, &RequestError{id, "has not been handed out"}
	case id == 0:
		return nil, &RequestError{id, "is never used"}
	}
	return nil, &RequestError{id, "is done"}
}

// Next returns what there is to do now, and reports whether there is anything.
// It may be called at any time, and as often as the caller likes.
func (s *Session) Next() (Batch, bool) {
	b := s.queue
	s.queue, s.lastDone = Batch{}, b.Done
	for _, r := range b.Fetch {
		s.open[r.ID].handedOut = true
	}
	for _, l := range b.Done {
		l.handedOut = true
	}
	return b, len(b.Save)+len(b.Rejected)+len(b.Fetch)+len(b.Done) > 0
}

// Provide answers a request with a body from any source, trusted or not. If it
// returns a *RejectError, nothing has changed and the request is still open:
// another source's copy may be offered. A *RequestError is the caller's
// mistake. Provide does not retain the body.
func (s *Session) Provide(id RequestID, body []byte) error {
	t, err := s.task(id)
	if t == nil {
		return err
	}
	if t.mustWait() {
		if err := t.checkLength(body); err != nil {
			return &RejectError{t.Request, err}
		}
		s.holdBack(t, answer{body: body})
		return nil
	}
	commit, err := s.judge(t, body)
	if err != nil {
		return &RejectError{t.Request, err}
	}
	s.closeTask(t)
	commit()
	return nil
}

// mustWait reports whether an answer must be held back until its turn comes.
func (t *task) mustWait() bool { return t.Ahead && t.edge == nil }

// NotFound answers a request: every live source says that the file does not
// exist. A cache miss is not such an answer. A source that could not be asked
// leaves the question open; use Fail then. If the next root is not found, the
// chain of roots ends. Any other file counts as not available, as after Fail.
// The error is a *RequestError.
func (s *Session) NotFound(id RequestID) error {
	t, err := s.task(id)
	if t == nil {
		return err
	}
	if t.mustWait() {
		s.holdBack(t, answer{notFound: true})
		return nil
	}
	s.closeTask(t)
	s.notFound(t)
	return nil
}

// Fail answers a request: no source could provide a valid file. For a top-level
// role that ends the update. For a delegated role it ends the lookups that need
// it. They return a *FetchError with the cause. The error is a *RequestError.
func (s *Session) Fail(id RequestID, cause error) error {
	t, err := s.task(id)
	if t == nil {
		return err
	}
	if cause == nil {
		cause = errGivenUp
	}
	cause = externalCause(cause)
	if t.mustWait() {
		s.holdBack(t, answer{cause: cause})
		return nil
	}
	s.closeTask(t)
	s.fetchFailed(t, cause)
	return nil
}

// externalCause returns a cause that comes from the caller. If it wraps an
// error that only a session may return about itself, only its text remains. A
// source may itself be a client of another repository: that one may lack a
// target which this one has.
func externalCause(cause error) error {
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
		if t.handedOut {
			list = append(list, t.Request)
		}
	}
	slices.SortFunc(list, func(a, b Request) int { return int(a.ID) - int(b.ID) })
	return list
}
