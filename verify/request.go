package verify

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tufwalk/tufwalk/internal/foreign"
	"github.com/tufwalk/tufwalk/metadata"
)

// RequestID names one request: of which repository (Options.Repository), in
// which update (1 in a session made by New, one more in each made by Renew),
// and a number that counts up from 1. IDs can be compared. None comes twice in
// a session, nor in those that are renewed from it one after the other. A copy
// (Session.Copy) and what it was made from number their later requests alike.
type RequestID struct {
	Repository string
	Update     uint64
	Number     uint64
}

// String returns "3", or "2.3" in the second update, with the repository in
// front if it has a name.
func (id RequestID) String() string {
	text := fmt.Sprint(id.Number)
	if id.Update > 1 {
		text = fmt.Sprintf("%d.%d", id.Update, id.Number)
	}
	if id.Repository != "" {
		text = metadata.Printable(id.Repository) + "/" + text
	}
	return text
}

// Request asks the caller for one metadata file.
type Request struct {
	ID RequestID

	// Repository is the name of the repository (Options.Repository).
	Repository string
	// Role is the role whose file is wanted: "root", "timestamp", "snapshot",
	// "targets" or the name of a delegated role.
	Role string
	// Version is the version that the file must have; 0 for the timestamp,
	// whose version nobody knows yet.
	Version int64
	// Delegator is the role that lists the keys which the file must be signed
	// with.
	Delegator string

	// Path is where a mirror has the file: relative to the metadata base URL
	// and percent-encoded, to be appended as it is.
	Path string
	// StoreName is the name of a saved copy, as in Record.StoreName. Empty:
	// only a live source may answer, because an old copy would be a silent
	// freeze, or would confirm itself (R-5.6.8c).
	StoreName string
	// MaxBytes bounds the answer. The caller must not read more than MaxBytes+1
	// bytes, and hands over what it has: by the one byte too many the session
	// sees that a file is too long.
	MaxBytes int64

	// Optional says that NotFound is an ordinary answer (the next root).
	Optional bool

	// Ahead says that the file is not needed yet, and perhaps never will be
	// (Options.Lookahead). Any answer to it counts only when its turn comes:
	// after a nil from Provide the body is held back, or known to be good, but
	// not trusted. An answer that comes when the file is not needed any more is
	// accepted and means nothing. Outstanding tells what has become of a
	// request.
	Ahead bool
}

// Record is a file that is trusted now and must be saved, under its name and in
// the place of an older one.
//
// Names are safe on every file system: lower-case letters, digits and %-_.=
// only, at most 200 bytes, and none that a system reserves. They are not the
// wire's names.
type Record struct {
	Repository string // as in Request
	Role       string // whose file it is
	Version    int64  // of the file
	Path       string // where a mirror has it, as in Request.Path
	StoreName  string // to save it under
	Data       []byte // to save: exactly as provided; it must not be changed
}

// Batch is what a session wants done. The caller must go through the fields in
// their order.
type Batch struct {
	// Save holds files that are trusted now. They must be saved before anything
	// else is done, durably and in order: by Session.Save or, by a caller whose
	// store nobody else uses, in any other way; if that fails, Abandon must be
	// called.
	Save []Record
	// Rejected holds bodies that had been accepted ahead and proved bad when
	// their turn came: the fault of the sources that sent them. The request of
	// each is done, and there is a new one for the file.
	Rejected []*RejectError
	// Fetch holds new requests, each of which is handed out once. They may be
	// answered in any order, and at any time.
	Fetch []Request
	// Done holds the lookups that are done now, whatever came of them.
	Done []*Lookup
}

func (b Batch) empty() bool { return len(b.Save)+len(b.Rejected)+len(b.Fetch)+len(b.Done) == 0 }

// ErrRequest is returned (wrapped) for a request ID that is not open: the
// caller's mistake, not a source's.
var ErrRequest = errors.New("no such open request")

// RequestError says what is wrong with a request ID.
type RequestError struct {
	ID     RequestID
	Reason string
}

func (e *RequestError) Error() string { return fmt.Sprintf("%v: ID %s %s", ErrRequest, e.ID, e.Reason) }
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

// FetchError says that a file could not be fetched: what the caller gave as the
// reason, or ErrNotAtSource. After Run there is a SourceError in it for each
// source.
type FetchError struct {
	Request Request
	Err     error
}

func (e *FetchError) Error() string {
	text := fmt.Sprintf("%s could not be fetched: %s", e.Request.Path, inFetchError(e.Err))
	if last := new(lastRootError); errors.As(e.Err, &last) {
		text += fmt.Sprintf(" (%v)", last.end)
	}
	return text
}

func (e *FetchError) Unwrap() error { return e.Err }

var errGivenUp = errors.New("given up")

// Next hands out what there is to do, and says whether there is anything.
// Calling it late or often loses nothing.
func (s *Session) Next() (Batch, bool) {
	b := s.queue.handOut()
	s.lookups.handedOut = b.Done
	return b, !b.empty()
}

// Provide answers a request with a body from any source, trusted or not. On a
// *RejectError everything is as before and the request is still open, so that
// another source's copy may be offered; a *RequestError is the caller's
// mistake. The body is the caller's again when Provide returns.
func (s *Session) Provide(id RequestID, body []byte) error { return s.answer(id, answer{body: body}) }

// ProvideSaved answers a request with a saved copy. It is judged like any other
// body, and is not offered for saving again.
func (s *Session) ProvideSaved(id RequestID, body []byte) error {
	return s.answer(id, answer{body: body, saved: true})
}

// NotFound answers a request with the word of live sources that the file does
// not exist. For the next root that is how a chain of roots ends (ChainEnd);
// any other file is given up. A cache miss is not an answer. The error is a
// *RequestError.
//
// The caller should pass what each of its sources said, a *SourceError for
// instance: errors that wrap ErrNotAtSource from those that do not have the
// file; and from others why they could not be asked, or the *RejectError of
// their file. Without any, every source is taken to say that the file does not
// exist.
//
// The next root does not exist if at least one source says so, and none that
// answers has one that is accepted. With Options.EverySource, and for any other
// file, all have to say so. Otherwise NotFound is the same as Fail.
func (s *Session) NotFound(id RequestID, said ...error) error {
	return s.answer(id, answer{absent: true, said: foreign.Causes(said, ErrNotAtSource, ownErrors...)})
}

// Fail gives a request up: no source could answer it well. For one of the
// top-level roles that ends the update, for a delegated role the lookups that
// need it; they report a *FetchError with the cause. The error is a
// *RequestError.
func (s *Session) Fail(id RequestID, cause error) error {
	if cause == nil {
		cause = errGivenUp
	}
	return s.answer(id, answer{cause: fromOutside(cause)})
}

func (s *Session) answer(id RequestID, a answer) error {
	if s.update.broken != nil {
		return s.update.broken
	}
	if s.queue.forget(id) { // not needed any more: the answer means nothing
		return nil
	}
	t, err := s.queue.find(id)
	if err != nil {
		return err
	}
	if t.mustWait() {
		if err := t.checkLength(a.body); err != nil {
			return &RejectError{t.Request, err}
		}
		s.queue.hold(t, a)
		return nil
	}
	if err := s.apply(t, a); err != nil {
		return &RejectError{t.Request, err}
	}
	s.queue.close(t)
	s.proceed()
	return nil
}

// ownErrors are what only a session may say of itself.
var ownErrors = []error{
	ErrNoTarget, ErrUndecided, ErrPending, ErrInProgress, ErrSave, ErrSuperseded,
	ErrRequest, ErrTime, ErrTrustedRoot, ErrPath,
}

// fromOutside returns a cause without what only a session may say of itself.
func fromOutside(cause error) error { return foreign.Cause(cause, ownErrors...) }

// Outstanding returns the open requests that have been handed out, in the order
// of their IDs.
func (s *Session) Outstanding() []Request { return s.queue.outstanding() }

// Wanted says whether a request is open: whether an answer to it still means
// anything.
func (s *Session) Wanted(id RequestID) bool { return s.queue.open[id] != nil }

// Abandon makes the session useless because a record could not be saved, and
// with it the lookups that Next handed out together with that record: they rest
// on what is not saved. Everything reports ErrSave and the cause from then on.
// Session.Save calls it; callers who save in another way must call it, or use
// nothing any more.
func (s *Session) Abandon(cause error) { s.breakOff(fmt.Errorf("%w: %w", ErrSave, fromOutside(cause))) }

// breakOff ends the session for good.
func (s *Session) breakOff(err error) {
	s.update.broken = err
	s.update.fail(err)
	s.finishLookups(err)
	clear(s.queue.open)
	for _, l := range slices.Concat(s.lookups.handedOut, s.queue.batch.Done) {
		l.target, l.err, l.handed = nil, err, true
	}
	s.queue.batch, s.queue.fetch = Batch{}, nil
}
