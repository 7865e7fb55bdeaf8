package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Limits bound what a session accepts. A zero field means the default; with a
// field below zero nothing is accepted.
type Limits struct {
	MaxRootBytes      int64 // bytes of a root file; default 512,000
	MaxTimestampBytes int64 // bytes of a timestamp file; default 16,384
	MaxSnapshotBytes  int64 // bytes of a snapshot file; default 8,000,000
	MaxTargetsBytes   int64 // bytes of a targets file, top-level or delegated; default 8,000,000
	MaxAheadBytes     int64 // bytes of all answers that are held back (Request.Ahead); default 8,000,000
	MaxRootRotations  int   // new roots in one update, not counting those up to the stored one; default 256
	MaxDelegations    int   // roles that one lookup visits, the top-level targets role included; default 32
	MaxDepth          int   // levels of JSON nesting; default 64, at most 1,000
	MaxSignatures     int   // signatures of a file; default 1,024
}

// withDefaults fills in the defaults of this package. Packages delegation and
// metadata have the others.
func (l Limits) withDefaults() Limits {
	l.MaxRootBytes = cmp.Or(l.MaxRootBytes, 512_000)
	l.MaxTimestampBytes = cmp.Or(l.MaxTimestampBytes, 16_384)
	l.MaxSnapshotBytes = cmp.Or(l.MaxSnapshotBytes, 8_000_000)
	l.MaxTargetsBytes = cmp.Or(l.MaxTargetsBytes, 8_000_000)
	l.MaxAheadBytes = cmp.Or(l.MaxAheadBytes, 8_000_000)
	l.MaxRootRotations = cmp.Or(l.MaxRootRotations, 256)
	return l
}

// Options change what a session accepts and what it asks for. The zero value is
// the default.
type Options struct {
	// Limits bound what is accepted.
	Limits Limits
	// EnvelopeFormat is the format of all the repository's files, the initial
	// trusted root and the stored files included; default metadata.Classic. A
	// file in the other format is rejected; a stored one is not used. To move
	// to the other format, start with a trusted root in that format and an
	// empty store.
	EnvelopeFormat metadata.EnvelopeFormat
	// Policy allows more signature schemes and hashes than the built-in ones,
	// and turns on stricter checks.
	Policy roles.Policy
	// Lookahead is how many requests may be open for files that are not needed
	// yet (Request.Ahead). It is for callers that fetch several files at a
	// time; 64 is enough for most. With zero, the default, files are asked for
	// in the strict order of the specification. It does not change what is
	// trusted.
	Lookahead int
	// SuccinctFallThrough makes succinct hash bins non-terminating: so says the
	// text of TAP 15, but no deployed client does it.
	SuccinctFallThrough bool
}

var (
	// ErrTime is returned (wrapped) for a time that cannot be right: the zero
	// time, or one before that of the last update.
	ErrTime = errors.New("impossible time for an update")
	// ErrInProgress is returned (wrapped) while an update has open requests.
	ErrInProgress = errors.New("update is not over")
	// ErrUnlisted is returned (wrapped) for a role that is delegated but is not
	// in the snapshot. It cannot be trusted and is not asked for.
	ErrUnlisted = errors.New("role is not in the snapshot")
)

// LimitError says which of the session's limits was reached. It wraps ErrLimit.
type LimitError struct {
	// Role is the role whose file is not accepted.
	Role string
	// What is limited: "bytes" or "new roots in one update". It is the unit of
	// Max and Got.
	What     string
	Max, Got int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %v: %d %s, at most %d are accepted",
		metadata.Printable(e.Role), ErrLimit, e.Got, e.What, e.Max)
}

func (e *LimitError) Unwrap() error { return ErrLimit }

// Session is one client's view of one repository. It says which files it needs,
// verifies what it is given, and answers lookups. It is not safe for concurrent
// use. None of its methods blocks, so a mutex around it costs little; Run waits
// for its store and sources.
type Session struct {
	options  Options
	limits   Limits
	now      time.Time
	phase    phase
	err      error // what ended the update
	broken   error // why a save failed: nothing may be used any more
	warnings []error

	root        roles.Trusted[metadata.Root]
	newRoots    int    // accepted in this update
	rotations   int    // of them, those that were not stored before
	unsavedRoot []byte // the initial trusted root, until a timestamp shows that it belongs to the repository
	timestamp   roles.Trusted[metadata.Timestamp]
	snapshot    roles.Trusted[metadata.Snapshot]
	edges       map[edgeKey]*edge
	verified    verifiedTargets
	stored      storedFiles

	lastID    RequestID
	open      map[RequestID]*task
	dropped   map[RequestID]bool // handed out, not needed any more, and not answered
	ahead     []*task            // for roots and the timestamp, whose turn has not come, answered or not
	heldBytes int64              // bytes of their answers
	aheadOpen int                // requests ahead that are open
	queue     Batch
	lastDone  []*Lookup // handed out by the last Next
	lookups   int
	pending   map[*Lookup]bool
}

// New begins the first update of a session.
//
// The trusted root is the root file that the caller received out of band (with
// the program, say), of any version and age. It must be signed by its
// own keys. It must never be a file from the cache, which anyone could have
// written: saved roots are offered through requests, and are verified starting
// from the trusted root.
//
// Stored is what an earlier run saved. It protects against rollback, and is
// trusted for nothing else. The time is the start of the update; all expiry is
// judged by it. The session does not retain the slices.
//
// New returns ErrTime (wrapped) for the zero time. If the trusted root is not
// valid, it returns the errors of metadata.Parse and roles.VerifyInitialRoot.
func New(trustedRoot []byte, stored Stored, now time.Time, o Options) (*Session, error) {
	now = now.Round(0) // the wall clock alone: it decides expiry, and so also which time is earlier
	if now.IsZero() {
		return nil, fmt.Errorf("%w: the zero time", ErrTime)
	}
	s := &Session{
		options:  o,
		limits:   o.Limits.withDefaults(),
		open:     make(map[RequestID]*task),
		dropped:  make(map[RequestID]bool),
		verified: make(verifiedTargets),
		pending:  make(map[*Lookup]bool),
	}
	env, err := parse[metadata.Root](s, trustedRoot)
	if err != nil {
		return nil, fmt.Errorf("initial trusted root: %w", err)
	}
	if s.root, err = roles.VerifyInitialRoot(env, s.options.Policy); err != nil {
		return nil, fmt.Errorf("initial trusted root: %w", err)
	}
	s.loadStored(stored)
	s.unsavedRoot = bytes.Clone(trustedRoot)
	s.begin(now)
	return s, nil
}

// parse reads a file in the envelope format that the caller chose.
func parse[T metadata.Content](s *Session, data []byte) (*metadata.Envelope[T], error) {
	// R-T17.5: one format for all files
	return metadata.Parse[T](data, metadata.Options{
		EnvelopeFormat: s.options.EnvelopeFormat,
		MaxDepth:       s.limits.MaxDepth,
		MaxSignatures:  s.limits.MaxSignatures,
	})
}

// Refresh begins another update, at a later time. Lookups that are done retain
// their answers. New lookups wait until the update has succeeded: they are
// answered only from files that it trusts.
//
// Requests ahead are forgotten. An answer to one of them returns a
// *RequestError from then on.
//
// Refresh returns ErrInProgress (wrapped) while other requests are open (answer
// or Fail them), ErrTime (wrapped) for the zero time or one before that of the
// last update, and ErrSave (wrapped) after Abandon.
func (s *Session) Refresh(now time.Time) error {
	now = now.Round(0)
	switch {
	case s.broken != nil:
		return s.broken
	case now.IsZero():
		return fmt.Errorf("%w: the zero time", ErrTime)
	case now.Before(s.now):
		return fmt.Errorf("%w: %s is before the last update's %s",
			ErrTime, now.Format(time.RFC3339), s.now.Format(time.RFC3339))
	case s.busy():
		return s.inProgress()
	}
	s.forgetAhead()
	s.begin(now)
	return nil
}

// Err returns nil if the update has succeeded and no request is open except
// requests ahead; ErrInProgress (wrapped) while the update is not over; and
// otherwise the error that ended it. A lookup that fails does not fail the
// update.
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

// inProgress says what the update waits for.
func (s *Session) inProgress() error {
	for _, r := range s.Outstanding() {
		if !r.Ahead {
			return fmt.Errorf("%w: there is no good answer for %s yet", ErrInProgress, r.Path)
		}
	}
	return fmt.Errorf("%w: call Next", ErrInProgress)
}

// busy reports whether a request is open whose answer is needed now.
func (s *Session) busy() bool {
	for _, t := range s.open {
		if !t.Ahead {
			return true
		}
	}
	return false
}

// Warnings returns what did not stop the current update but should be shown or
// logged: errors that wrap ErrStoredFile if a stored file was not used, and
// ErrLimit if a limit was reached. The slice is the caller's.
func (s *Session) Warnings() []error { return slices.Clone(s.warnings) }

func (s *Session) warn(err error) { s.warnings = append(s.warnings, err) }

// Time returns the time by which the current update judges expiry.
func (s *Session) Time() time.Time { return s.now }

// Root returns a copy of the newest trusted root: the initial one, until there
// is a newer one.
func (s *Session) Root() *metadata.Root { return s.root.Content() }

// Timestamp returns a copy of the timestamp that the current update trusts, or
// nil if it does not trust one yet.
func (s *Session) Timestamp() *metadata.Timestamp { return s.timestamp.Content() }

// Snapshot returns a copy of the snapshot that the current update trusts, or
// nil if it does not trust one yet.
func (s *Session) Snapshot() *metadata.Snapshot { return s.snapshot.Content() }

// Targets returns a copy of the content of the top-level targets role that the
// current update trusts, or nil if it does not trust one yet. A target that is
// listed there or in another role may be used only if a lookup finds it.
func (s *Session) Targets() *metadata.Targets {
	if e := s.edges[edgeKey{role: metadata.RoleTargets}]; e != nil {
		return e.file.Content()
	}
	return nil
}

// Version returns the version of a top-level role that the current update
// trusts. It is 0 if the update does not trust one yet, and for other names.
func (s *Session) Version(role string) int64 {
	if h := s.header(role); h != nil {
		return h.Version
	}
	return 0
}

// Expires returns the earliest expiry of the top-level roles that the current
// update trusts. Before the update has succeeded it may be that of the root
// alone: do not use it to plan the next update.
func (s *Session) Expires() time.Time {
	earliest := s.root.Content().Expires
	for _, role := range []string{metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets} {
		if h := s.header(role); h != nil && h.Expires.Before(earliest) {
			earliest = h.Expires
		}
	}
	return earliest
}

// header returns the header of a top-level role's trusted file, or nil.
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
