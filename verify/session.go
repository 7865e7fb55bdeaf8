package verify

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Options change how a session judges. The zero value is the default.
type Options struct {
	// Repository is a name for the repository, for callers with several. It is
	// put into requests and records, and means nothing else.
	Repository string
	// Limits bound what is accepted.
	Limits Limits
	// EnvelopeFormat is the format of all the repository's files, the trusted
	// root and what is stored among them; default metadata.Classic. A file of
	// the other format is rejected, and is not used as a stored file either: to
	// move to the other format, start with a trusted root and a store of that
	// format.
	EnvelopeFormat metadata.EnvelopeFormat
	// Policy says which schemes and hashes are accepted besides the usual, and
	// what is judged more strictly.
	Policy roles.Policy
	// Lookahead is how many files may be asked for before they are needed, for
	// callers who fetch several at a time: at most so many requests are open
	// that are Ahead. 64 does for most; with zero, the default, files are asked
	// for in the strict order of the specification. No more is trusted, and
	// nothing else.
	Lookahead int
	// EverySource makes a chain of roots end only if every source says that
	// there is no next root. By default one suffices, if none that answers has
	// one that is accepted: then sources that are down, or send junk, do not
	// stop the update. The price of the default: anyone who holds keys that a
	// newer root revokes, and can keep the honest sources from being heard,
	// can hide that root until the old one expires.
	EverySource bool
	// SuccinctFallThrough makes succinct bins non-terminating, as the text of
	// TAP 15 has it and no deployed client does.
	SuccinctFallThrough bool
}

var (
	// ErrTime is returned (wrapped) for a time that cannot be right: the zero
	// time, or one before the last update's.
	ErrTime = errors.New("impossible time for an update")
	// ErrTrustedRoot is returned (wrapped) for an initial trusted root that is
	// no good.
	ErrTrustedRoot = errors.New("initial trusted root")
	// ErrInProgress says that an update is not over: there are open requests.
	ErrInProgress = errors.New("update is not over")
)

// Session is one update of one client's view of one repository: it says which
// files it needs, judges what comes, and answers lookups from what it trusts.
// The next update is another session, made by Renew.
//
// It is not safe for concurrent use; nothing in it blocks, so a caller's mutex
// costs little. Two sessions, also one made from the other by Renew, share
// nothing that changes.
type Session struct {
	options Options
	limits  Limits
	policy  roles.Policy // that of the options, with a memory of this session
	now     time.Time

	update  update
	trusted trusted
	stored  storedFiles
	files   targetsFiles
	lookups lookups
	queue   queue
}

// New begins an update.
//
// The trusted root is the root file that the caller received out of band, of
// whatever version and age: with the program, say. It must be signed
// by its own keys. It must never be a file from the store, which anybody could
// have put there: stored roots are offered through requests, and are verified
// from the trusted root on.
//
// Stored is what earlier updates saved. It is for rollback protection, and is
// trusted for nothing else. The time is the start of the update, and every
// expiry is judged by it. The slices remain the caller's.
//
// It returns ErrTime (wrapped) for the zero time, and for a trusted root that
// is no good ErrTrustedRoot, which wraps what metadata.Parse and
// roles.VerifyInitialRoot return.
func New(trustedRoot []byte, stored Stored, now time.Time, o Options) (*Session, error) {
	now, err := checkTime(now, time.Time{})
	if err != nil {
		return nil, err
	}
	s := newSession(o, now, 1)
	if s.trusted.root, err = s.initialRoot(trustedRoot); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrustedRoot, err)
	}
	s.trusted.rootFile = bytes.Clone(trustedRoot)
	s.loadStored(stored)
	s.proceed()
	return s, nil
}

// Renew begins the next update: it returns a session with the newest root that
// this one trusts and the same options. What this session has verified is taken
// over as a copy, and is not verified again: targets files up to
// Limits.MaxRetainedBytes. Lower versions than those that this session trusted,
// or than those that are stored now, are a rollback.
//
// Lookups stay with the session that began them: begin the next ones in the new
// session.
//
// The session itself does not change, whatever becomes of the next update: it
// answers lookups from its own view, in another goroutine if need be. It goes
// on answering by its own time: compare Session.Expires and Target.Expires with
// the clock yourself. An update that failed can be renewed as well.
//
// It returns ErrTime (wrapped) for the zero time and for one before this
// session's.
func (s *Session) Renew(stored Stored, now time.Time) (*Session, error) {
	now, err := checkTime(now, s.now)
	if err != nil {
		return nil, err
	}
	next := newSession(s.options, now, s.queue.update+1)
	next.trusted.root, next.trusted.rootFile = s.trusted.root, s.trusted.rootFile
	next.stored = s.stored.renewed()
	next.files = s.files.renewed(s.limits.MaxRetainedBytes)
	next.loadStored(stored)
	next.proceed()
	return next, nil
}

// Copy returns a session with the same view: one that answers lookups as this
// one does, and shares nothing that changes with it. So each of several
// goroutines can have one of its own. Lookups and open requests stay with this
// session.
//
// The update must have succeeded, and what Next has handed out must be saved.
// Copy returns what Err does if the update has not succeeded, and ErrInProgress
// while there are records that Next has not handed out: a view that is not
// saved must not be used.
func (s *Session) Copy() (*Session, error) {
	switch {
	case s.update.phase != phaseReady:
		return nil, s.Err()
	case len(s.queue.batch.Save) > 0:
		return nil, fmt.Errorf("%w: call Next", ErrInProgress)
	}
	c := newSession(s.options, s.now, s.queue.update)
	c.queue.lastNumber = s.queue.lastNumber
	c.trusted, c.stored, c.files = s.trusted, s.stored.renewed(), s.files.copied(math.MaxInt64)
	c.update.phase, c.update.chainEnd = phaseReady, s.update.chainEnd
	c.start(c.topLevelEdge()) // it is at hand
	return c, nil
}

// checkTime returns the wall clock alone: expiry is judged by it, and so must
// be which time is earlier.
func checkTime(now, last time.Time) (time.Time, error) {
	now = now.Round(0)
	switch {
	case now.IsZero():
		return now, fmt.Errorf("%w: the zero time", ErrTime)
	case now.Before(last):
		return now, fmt.Errorf("%w: %s is before the last update's %s",
			ErrTime, now.Format(time.RFC3339), last.Format(time.RFC3339))
	}
	return now, nil
}

func newSession(o Options, now time.Time, number uint64) *Session {
	limits := o.Limits.withDefaults()
	return &Session{
		options: o, limits: limits, policy: o.Policy.Remembering(), now: now,
		trusted: trusted{unconfirmed: true},
		files:   newTargetsFiles(o.Policy),
		stored:  storedFiles{unreadable: map[string]bool{}},
		lookups: lookups{pending: map[*Lookup]bool{}},
		queue: queue{
			repository: o.Repository, update: number, open: map[RequestID]*task{}, dropped: map[RequestID]bool{},
			lookahead: o.Lookahead, maxHeld: limits.MaxAheadBytes,
		},
	}
}

// Lookup begins the search for a target path, at any time; nothing is cleaned
// or decoded in it. Lookups share every role that they have in common. After an
// update that failed, the lookup reports that failure.
func (s *Session) Lookup(path string) *Lookup {
	l := s.newLookup(path)
	switch {
	case s.update.phase == phaseFailed:
		s.finish(l, s.update.err)
	case s.update.phase == phaseReady:
		s.lookups.runnable = append(s.lookups.runnable, l)
		s.advanceLookups()
	}
	return l
}

// Drop forgets a lookup: it will not be done, its Target stays ErrPending, and
// nothing more is asked for on its account.
func (s *Session) Drop(l *Lookup) {
	delete(s.lookups.pending, l)
	s.queue.batch.Done = slices.DeleteFunc(s.queue.batch.Done, func(d *Lookup) bool { return d == l })
}

// Err returns nil if the update succeeded and no request is open that is not
// ahead, ErrInProgress while it is not over, and otherwise what ended it. A
// lookup that failed is no failure of the update.
func (s *Session) Err() error {
	switch {
	case s.update.err != nil:
		return s.update.err
	case s.update.phase != phaseReady || s.queue.busy():
		return s.inProgress()
	}
	return nil
}

// inProgress says what an update waits for.
func (s *Session) inProgress() error {
	for _, r := range s.queue.outstanding() {
		if !r.Ahead {
			return fmt.Errorf("%w: there is no good answer for %s yet", ErrInProgress, r.Path)
		}
	}
	return fmt.Errorf("%w: call Next", ErrInProgress)
}

// Warnings returns what did not stop the update but should be shown or logged:
// errors that wrap ErrStoredFile if a stored file was not used, ErrUnconfirmed
// if the chain of roots ended without the word of every source, and ErrLimit if
// a limit was reached. The slice is the caller's.
func (s *Session) Warnings() []error { return slices.Clone(s.update.warnings) }

// ChainEnd returns how the chain of roots ended; the zero value
// before it has, and if the update failed in it.
func (s *Session) ChainEnd() ChainEnd { return s.update.chainEnd }

// Time returns the time by which the update judges expiry.
func (s *Session) Time() time.Time { return s.now }

// Root returns a copy of the newest trusted root: the one that the session
// began with, until there is a newer one.
func (s *Session) Root() *metadata.Root { return s.trusted.root.Content() }

// Role returns a top-level role as that root lists it: whose signatures its
// files need. For any other name the error wraps roles.ErrDelegation.
func (s *Session) Role(name string) (roles.Role, error) {
	return roles.TopLevel(s.trusted.root, name, s.options.Policy)
}

// Timestamp returns a copy of the timestamp that the update trusts; nil before
// it does.
func (s *Session) Timestamp() *metadata.Timestamp { return s.trusted.timestamp.Content() }

// Snapshot returns a copy of the snapshot that the update trusts; nil before it
// does.
func (s *Session) Snapshot() *metadata.Snapshot { return s.trusted.snapshot.Content() }

// Targets returns a copy of the content of the top-level targets role that the
// update trusts; nil before it does. A target listed there or anywhere else may
// be used only if a lookup finds it.
func (s *Session) Targets() *metadata.Targets { return s.files.topLevel().Content() }

// Version returns the version of a top-level role that the update trusts; 0
// before it does, and for other names.
func (s *Session) Version(role string) int64 {
	switch role {
	case metadata.RoleRoot:
		return s.trusted.root.Header().Version
	case metadata.RoleTimestamp:
		return s.trusted.timestamp.Header().Version
	case metadata.RoleSnapshot:
		return s.trusted.snapshot.Header().Version
	case metadata.RoleTargets:
		return s.files.topLevel().Header().Version
	}
	return 0
}

// NewestRoot returns the highest version of a root that the session knows of:
// the trusted one, or a stored one that the chain of roots has not come to.
func (s *Session) NewestRoot() int64 { return max(s.stored.root, s.trusted.root.Header().Version) }

// Expires returns the earliest expiry of the top-level files that the update
// trusts. Before the update has succeeded that may be the root alone, and is no
// time to plan by.
func (s *Session) Expires() time.Time { return s.trusted.expires(s.files.topLevel()) }
