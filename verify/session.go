package verify

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Limits bound what a session takes. Zero fields mean the defaults; below zero
// nothing is taken.
type Limits struct {
	MaxRootBytes      int64 // bytes of a root file; default 512,000
	MaxTimestampBytes int64 // bytes of a timestamp file; default 16,384
	MaxSnapshotBytes  int64 // bytes of a snapshot file; default 8,000,000
	MaxTargetsBytes   int64 // bytes of a targets file, top-level or delegated; default 8,000,000
	MaxAheadBytes     int64 // bytes of all answers to requests ahead that wait for their turn; default 8,000,000
	MaxRootRotations  int   // new roots in one cycle, not counting those up to the stored one; default 256
	MaxDelegations    int   // roles that one lookup visits, the top-level targets role included; default 32
	MaxDepth          int   // levels of JSON nesting; default 64, at most 1,000
	MaxSignatures     int   // signatures of a file; default 1,024
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		limit *int64
		value int64
	}{{&l.MaxRootBytes, 512_000}, {&l.MaxTimestampBytes, 16_384}, {&l.MaxSnapshotBytes, 8_000_000}, {&l.MaxTargetsBytes, 8_000_000}, {&l.MaxAheadBytes, 8_000_000}} {
		if *d.limit == 0 {
			*d.limit = d.value
		}
	}
	if l.MaxRootRotations == 0 {
		l.MaxRootRotations = 256
	}
	return l
}

// Options change how a session judges. The zero value is the default.
type Options struct {
	// Limits bound what is taken.
	Limits Limits
	// Envelope is the form of all the repository's files, the anchor and what
	// is stored among them; default metadata.Classic. A file of the other form
	// is rejected, and is no floor either: who moves to the other form starts
	// with an anchor and a store of that form.
	EnvelopeFormat metadata.EnvelopeFormat
	// Policy says which schemes and hashes are taken besides the usual, and
	// what is judged more strictly.
	Policy roles.Policy
	// Lookahead is how many files may be asked for before they are needed, for
	// callers who fetch several at a time: at most so many requests are open
	// that are Ahead. 64 does for most; with zero, the default, files are asked
	// for in the strict order of the specification. No more is trusted, and
	// nothing else.
	Lookahead int
	// SuccinctFallThrough makes succinct bins non-terminating, as the text of
	// TAP 15 has it and no deployed client does.
	SuccinctFallThrough bool
}

var (
	// ErrTime is returned for a time that cannot be right: the zero time, or
	// one before the last cycle's.
	ErrTime = errors.New("impossible time for an update")
	// ErrInProgress says that a cycle is not over: there are open requests.
	ErrInProgress = errors.New("update is not over")
	// ErrUnlisted is returned (wrapped) for a role that is delegated but not in
	// the snapshot, so that it cannot be trusted and is not asked for.
	ErrUnlisted = errors.New("role is not in the snapshot")
)

// LimitError says which of the session's limits was reached.
type LimitError struct {
	Role string
	// What is limited, and so the unit of Max and Got: "bytes" or "roots in one
	// cycle".
	What     string
	Max, Got int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %v: %d %s, at most %d are taken", metadata.Printable(e.Role), ErrLimit, e.Got, e.What, e.Max)
}

func (e *LimitError) Unwrap() error { return ErrLimit }

// Session is one client's view of one repository: it says which files it needs,
// judges what comes, and answers lookups. It is not safe for concurrent use;
// nothing in it blocks, so a caller's mutex costs little.
type Session struct {
	options  Options
	limits   Limits
	now      time.Time
	phase    phase
	err      error // what ended the cycle
	broken   error // a save that failed: nothing may be used any more
	warnings []error

	root      roles.Trusted[metadata.Root]
	chain     int    // roots taken in this cycle
	roots     int    // of them, those that were not stored before
	unsaved   []byte // the anchor, until a timestamp has shown that the repository is its repository
	timestamp roles.Trusted[metadata.Timestamp]
	snapshot  roles.Trusted[metadata.Snapshot]
	edges     map[edgeKey]*edge
	known     known
	stored    storedFiles

	lastID    RequestID
	open      map[RequestID]*task
	dropped   map[RequestID]bool // handed out, not needed any more, and not answered
	ahead     []*task            // roots and timestamp whose turn has not come, answered or not
	kept      int64              // bytes of their answers
	aheadOpen int                // requests ahead that are open
	queue     Batch
	doneNow   []*Lookup // handed out by the last Next
	lookups   int
	pending   map[*Lookup]bool
}

// New begins the first cycle of a session.
//
// The anchor is the root file that the caller received out of band, of whatever
// version and age: with the program, say. It must be signed by its
// own keys. It must never be a file from the cache, which anybody could have
// put there: saved roots are offered through requests, and are verified from
// the anchor on.
//
// It returns ErrTime for the zero time, and for an anchor that is no good what
// metadata.Parse and roles.VerifyInitialRoot return.
//
// Stored is what an earlier run saved. It keeps the repository from going back,
// and is trusted for nothing else. The time is the start of the cycle, and
// every expiry is judged by it. The session keeps neither slice.
func New(anchor []byte, stored Stored, now time.Time, o Options) (*Session, error) {
	now = now.Round(0) // the wall clock alone: expiry is judged by it, and so must be which time is earlier
	if now.IsZero() {
		return nil, fmt.Errorf("%w: the zero time", ErrTime)
	}
	s := &Session{options: o, open: make(map[RequestID]*task), dropped: make(map[RequestID]bool), known: make(known), pending: make(map[*Lookup]bool)}
	s.limits = s.options.Limits.withDefaults()
	env, err := parse[metadata.Root](s, anchor)
	if err != nil {
		return nil, fmt.Errorf("trust anchor: %w", err)
	}
	if s.root, err = roles.VerifyInitialRoot(env, s.options.Policy); err != nil {
		return nil, fmt.Errorf("trust anchor: %w", err)
	}
	s.loadStored(stored)
	s.unsaved = bytes.Clone(anchor)
	s.begin(now)
	return s, nil
}

// parse reads a file in the form that the caller chose.
func parse[T metadata.Content](s *Session, data []byte) (*metadata.Envelope[T], error) {
	return metadata.Parse[T](data, metadata.Options{
		EnvelopeFormat: s.options.EnvelopeFormat, MaxDepth: s.limits.MaxDepth, MaxSignatures: s.limits.MaxSignatures,
	})
}

// Refresh begins another cycle, at a later time. What was settled keeps its
// answer; what is not yet trusted anew is not served to lookups: those that
// come now wait for the cycle to succeed.
//
// Requests ahead are forgotten, and answers to them are a *RequestError from
// then on.
//
// It returns ErrInProgress while other requests are open (answer them, or Fail
// them), ErrTime for the zero time or one before the last cycle's, and ErrSave
// after Abandon.
func (s *Session) Refresh(now time.Time) error {
	now = now.Round(0)
	switch {
	case s.broken != nil:
		return s.broken
	case now.IsZero():
		return fmt.Errorf("%w: the zero time", ErrTime)
	case now.Before(s.now):
		return fmt.Errorf("%w: %s, before the last cycle's %s", ErrTime, now.Format(time.RFC3339), s.now.Format(time.RFC3339))
	case s.busy():
		return s.inProgress()
	}
	s.forgetAhead()
	s.begin(now)
	return nil
}

// Err returns nil if the cycle succeeded and no request is open that is not
// ahead, ErrInProgress while it is not over, and otherwise what ended it. A
// lookup that failed is no failure of the cycle.
func (s *Session) Err() error {
	switch {
	case s.broken != nil:
		return s.broken
	case s.err != nil:
		return s.err
	case s.phase != phaseReady || s.busy():
		return s.inProgress()
	}
	return nil
}

// unsettled says what a cycle waits for.
func (s *Session) inProgress() error {
	for _, r := range s.Outstanding() {
		if !r.Ahead {
			return fmt.Errorf("%w: there is no good answer for %s yet", ErrInProgress, r.Path)
		}
	}
	return fmt.Errorf("%w: call Next", ErrInProgress)
}

// busy says whether a request is open whose answer is needed.
func (s *Session) busy() bool {
	for _, t := range s.open {
		if !t.Ahead {
			return true
		}
	}
	return false
}

// Warnings returns what did not stop the current cycle but should be shown or
// logged: errors that wrap ErrStoredFile if a stored file was not used, and
// ErrLimit if a limit was reached. The slice is the caller's.
func (s *Session) Warnings() []error { return slices.Clone(s.warnings) }

func (s *Session) warn(err error) { s.warnings = append(s.warnings, err) }

// Time returns the time by which the current cycle judges expiry.
func (s *Session) Time() time.Time { return s.now }

// Root returns a copy of the newest trusted root: the anchor, until there is a
// newer one.
func (s *Session) Root() *metadata.Root { return s.root.Content() }

// Timestamp returns a copy of the timestamp that the current cycle trusts; nil
// before it does.
func (s *Session) Timestamp() *metadata.Timestamp { return s.timestamp.Content() }

// Snapshot returns a copy of the snapshot that the current cycle trusts; nil
// before it does.
func (s *Session) Snapshot() *metadata.Snapshot { return s.snapshot.Content() }

// Targets returns a copy of the content of the top-level targets role that the
// current cycle trusts; nil before it does. A target listed there or anywhere
// else may be used only if a lookup finds it.
func (s *Session) Targets() *metadata.Targets {
	if e := s.edges[edgeKey{role: metadata.RoleTargets}]; e != nil {
		return e.file.Content()
	}
	return nil
}

// Version returns the version of a top-level role that the current cycle
// trusts; 0 before it does, and for other names.
func (s *Session) Version(role string) int64 {
	if h := s.header(role); h != nil {
		return h.Version
	}
	return 0
}

// Expires returns when the first of the top-level roles trusted in the current
// cycle expires. Before the cycle has succeeded that may be the root alone, and
// is no time to plan by.
func (s *Session) Expires() time.Time {
	earliest := s.root.Content().Expires
	for _, role := range []string{metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets} {
		if h := s.header(role); h != nil && h.Expires.Before(earliest) {
			earliest = h.Expires
		}
	}
	return earliest
}

func (s *Session) header(role string) *metadata.Header {
	switch role {
	case metadata.RoleRoot:
		return &s.root.Content().Header
	case metadata.RoleTimestamp:
		if c := s.Timestamp(); c != nil {
			return &c.Header
		}
	case metadata.RoleSnapshot:
		if c := s.Snapshot(); c != nil {
			return &c.Header
		}
	case metadata.RoleTargets:
		if c := s.Targets(); c != nil {
			return &c.Header
		}
	}
	return nil
}
