package multirepo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Repository is what a group needs for one repository of the map: the arguments
// of verify.New.
type Repository struct {
	// TrustedRoot is the initial trusted root: the root file that the caller
	// received out of band. Each repository must have its own.
	TrustedRoot []byte
	// Stored is what earlier updates saved for this repository.
	Stored verify.Stored
	// Options are those of the repository's session. Options.Repository is
	// set by New.
	Options verify.Options
}

// Options change how a group decides. The zero value is the default.
type Options struct {
	// FallThrough makes a lookup go on to the next entry if too few
	// repositories agree in an entry that is not terminating. This is what the
	// text of TAP 4 says. Any one of an entry's repositories can then send the
	// search to a later entry: it lists something else than the others.
	FallThrough bool
}

// Group is one update of one client's view of the repositories of a map. It is
// made by New, and the next one by Renew. Only Run and Save block. A group is
// not safe for concurrent use. Two groups share nothing that changes, also if
// one was made from the other, so each can have a goroutine of its own.
type Group struct {
	options Options
	now     time.Time
	entries []entry
	members []*member // in the order of their names
	named   map[string]*member
	broken  error // a save that failed

	lookups  int // that were begun
	decided  int // that are done
	pending  map[*Lookup]bool
	waiting  map[*verify.Lookup]*question
	answered []*Lookup // all repositories of their entry have answered; empty between calls
	queue    []*Lookup // done, and not handed out yet
	doneNow  []*Lookup // handed out by the last Next
}

// member is a repository of the group.
type member struct {
	name    string
	session *verify.Session // the update
	earlier *verify.Session // the view of an earlier one, which answers if the update fails; or nil
	options verify.Options

	asked       int   // so many lookups wait for its answer
	rootVersion int64 // the version of the root that rootKeys was made of
	rootKeys    string
}

// failed says that the update is over and did not succeed.
func (x *member) failed() bool {
	err := x.session.Err()
	return err != nil && !errors.Is(err, verify.ErrInProgress)
}

// view is the session that answers lookups: that of the update or, if it
// failed, the earlier one. That is not used once a newer root is known, which
// may have revoked its keys.
func (x *member) view() *verify.Session {
	if x.earlier != nil && x.failed() && x.session.NewestRoot() <= x.earlier.Version(metadata.RoleRoot) {
		return x.earlier
	}
	return x.session
}

// entry is an entry of the map, with its repositories in listed order.
type entry struct {
	metadata.MapEntry
	members []*member
}

// New begins the first update of every repository. The caller must give each
// repository of the map, by its name, and no other. The time is as in
// verify.New.
//
// No request has been made when New returns an error. It returns verify.ErrTime
// for the zero time. All other errors wrap ErrMap: a *RepositoryError for a
// repository that is missing, that is not in the map or whose trusted root is
// not good (which also wraps what verify.New returned), and a plain error for
// an empty map and for a threshold that cannot be reached because repositories
// have the same root keys.
func New(m *metadata.Map, repositories map[string]Repository, now time.Time, o Options) (*Group, error) {
	if now.Round(0).IsZero() {
		return nil, fmt.Errorf("%w: the zero time", verify.ErrTime)
	}
	if m == nil {
		m = new(metadata.Map)
	}
	g := newGroup(o, now)
	for name := range m.Repositories() {
		r, ok := repositories[name]
		if !ok {
			return nil, &RepositoryError{name, fmt.Errorf("%w: nothing is given for it", ErrMap)}
		}
		if err := g.addMember(name, r, now); err != nil {
			return nil, &RepositoryError{name, fmt.Errorf("%w: %w", ErrMap, err)}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(repositories)) {
		if g.named[name] == nil {
			return nil, &RepositoryError{name, fmt.Errorf("%w: it is not in the map", ErrMap)}
		}
	}
	if err := g.addEntries(m); err != nil {
		return nil, err
	}
	return g, nil
}

func newGroup(o Options, now time.Time) *Group {
	return &Group{
		options: o,
		now:     now.Round(0),
		named:   map[string]*member{},
		pending: map[*Lookup]bool{},
		waiting: map[*verify.Lookup]*question{},
	}
}

var errNoTrustedRoot = errors.New("no trusted root is given for it")

func (g *Group) addMember(name string, r Repository, now time.Time) error {
	if r.TrustedRoot == nil {
		return errNoTrustedRoot
	}
	r.Options.Repository = name
	session, err := verify.New(r.TrustedRoot, r.Stored, now, r.Options)
	if err != nil {
		return err
	}
	g.add(&member{name: name, session: session, options: r.Options})
	return nil
}

func (g *Group) add(x *member) { g.members, g.named[x.name] = append(g.members, x), x }

func (g *Group) addEntry(e metadata.MapEntry) *entry {
	added := entry{MapEntry: e}
	for _, name := range e.Repositories {
		added.members = append(added.members, g.named[name])
	}
	g.entries = append(g.entries, added)
	return &g.entries[len(g.entries)-1]
}

func (g *Group) addEntries(m *metadata.Map) error {
	for i, e := range m.Entries() {
		added := g.addEntry(e)
		all := ^set(0)
		// TAP 4 map: a threshold that cannot be reached
		if n := all.distinct(added.rootKeys()); n < e.Threshold {
			return fmt.Errorf("%w: mapping[%d] needs %d repositories with different root keys, and has %d",
				ErrMap, i, e.Threshold, n)
		}
	}
	if len(g.entries) == 0 {
		return fmt.Errorf("%w: the map is empty", ErrMap)
	}
	return nil
}

// rootKeys returns the root keys of each of the entry's repositories. They are
// those of the newest trusted roots: two repositories may come to the same root
// from different initial roots.
func (e *entry) rootKeys() (list []string) {
	for _, x := range e.members {
		if v := x.session.Version(metadata.RoleRoot); x.rootVersion != v {
			x.rootVersion, x.rootKeys = v, rootKeysOf(x.role(metadata.RoleRoot))
		}
		list = append(list, x.rootKeys)
	}
	return list
}

// Repositories returns the names of the repositories, sorted by their bytes.
// Everything that a group returns is in this order. The slice is the caller's.
func (g *Group) Repositories() (names []string) {
	for _, x := range g.members {
		names = append(names, x.name)
	}
	return names
}

// Version returns the version of a top-level role in the view that a
// repository answers from, as verify.Session.Version does: the update's or, if
// that failed, the earlier one. It is 0 for a repository that is not in the
// map.
func (g *Group) Version(repository, role string) int64 {
	if x := g.named[repository]; x != nil {
		return x.view().Version(role)
	}
	return 0
}

// ChainEnd returns how a repository's chain of roots ended, as
// verify.Session.ChainEnd does; the zero value for a repository that is not in
// the map.
func (g *Group) ChainEnd(repository string) verify.ChainEnd {
	if x := g.named[repository]; x != nil {
		return x.session.ChainEnd()
	}
	return verify.ChainEnd{}
}

// Expires returns the time at which the first of the top-level roles expires in
// the view that a repository answers from, as verify.Session.Expires does: the
// update's or, if that failed, the earlier one. It is the zero time for a
// repository that is not in the map.
func (g *Group) Expires(repository string) time.Time {
	if x := g.named[repository]; x != nil {
		return x.view().Expires()
	}
	return time.Time{}
}

// Renew begins the next update of all repositories: it returns a new group with
// the same map and options, as verify.Session.Renew does for a session. Stored
// is what the stores of the repositories have now, by their names. This group
// stays as it is, and may be used in another goroutine.
//
// In the new group, a repository whose update fails answers from the view of
// its last update that succeeded, until that expires or a newer root is known.
// Answer.AsOf says so, and Warnings says why. There is no such view after a
// save has ended this group.
//
// It returns verify.ErrTime (wrapped) for the zero time and for one before this
// group's.
func (g *Group) Renew(stored map[string]verify.Stored, now time.Time) (*Group, error) {
	next := newGroup(g.options, now)
	for _, x := range g.members {
		session, err := x.session.Renew(stored[x.name], now)
		if err != nil { // all have had the same times: the first one fails, or none does
			return nil, err
		}
		renewed := &member{name: x.name, session: session, options: x.options}
		renewed.earlier = g.earlierView(x, next.now)
		next.add(renewed)
	}
	for _, e := range g.entries {
		next.addEntry(e.MapEntry)
	}
	return next, nil
}

// earlierView returns the last view that succeeded; nil if none did, or if it
// has expired. That of a group whose files could not all be saved does not
// count.
func (g *Group) earlierView(x *member, now time.Time) *verify.Session {
	if g.broken != nil {
		return nil
	}
	for _, session := range x.sessions() {
		if view, err := session.Copy(); err == nil {
			if expired(view.Expires(), now) {
				return nil
			}
			return view
		}
	}
	return nil
}

// expired says whether a time of expiry has come. A file expires at that time,
// not after it, as in roles.CheckExpiry.
func expired(expires, now time.Time) bool { return !expires.After(now) }

// hasSay says whether a lookup waits for a repository's answer. Where there is
// no lookup, apart from dropped ones, all are brought up to date.
func (g *Group) hasSay(x *member) bool { return x.asked > 0 || len(g.pending) == 0 && g.decided == 0 }

func (g *Group) inProgress() bool {
	return slices.ContainsFunc(g.members, func(x *member) bool {
		return g.hasSay(x) && slices.ContainsFunc(x.sessions(), func(s *verify.Session) bool {
			return errors.Is(s.Err(), verify.ErrInProgress)
		})
	})
}

// Err returns nil if every lookup is done, and a repository is up to date or no
// update has failed. (What it means that some have failed, each lookup says.)
// It waits for those repositories only that a lookup waits for, or for all
// where there is no lookup. Otherwise it returns verify.ErrInProgress, what
// ended the group (an error of Save, or verify.ErrSave and the cause after
// Abandon), or a *RepositoryError for each update that has failed, joined.
// Lookups may have results from earlier views then.
func (g *Group) Err() error {
	switch {
	case g.broken != nil:
		return g.broken
	case len(g.pending) > 0 || g.inProgress():
		return verify.ErrInProgress
	}
	var errs []error
	for _, x := range g.members {
		switch err := x.session.Err(); {
		case err == nil:
			return nil
		case !errors.Is(err, verify.ErrInProgress):
			errs = append(errs, &RepositoryError{x.name, err})
		}
	}
	return errors.Join(errs...)
}

// Warnings returns what did not stop the group but should be shown or logged,
// repository by repository: a *RepositoryError for each warning of a session,
// one for each repository that could not be brought up to date, and one, which
// wraps ErrSharedKeys, for two that must agree and share keys online. The slice
// is the caller's.
func (g *Group) Warnings() (list []error) {
	for _, x := range g.members {
		for _, w := range x.session.Warnings() {
			list = append(list, &RepositoryError{x.name, w})
		}
		if x.failed() {
			list = append(list, &RepositoryError{x.name, x.session.Err()})
		}
	}
	return append(list, g.sharedOnlineKeys()...)
}

// Abandon ends the group because a record of any repository could not be saved,
// and with it the lookups that Next handed out together with that record: they
// rest on what is not saved. Everything reports verify.ErrSave and the cause
// from then on. Group.Save does that too; callers who save in another way must
// call it.
func (g *Group) Abandon(cause error) {
	g.breakOff(fmt.Errorf("%w: %w", verify.ErrSave, fromOutside(cause)))
}

// breakOff ends the group for good.
func (g *Group) breakOff(err error) {
	if g.broken == nil {
		g.broken = err
	}
	for _, l := range slices.Concat(g.doneNow, g.queue, slices.Collect(maps.Keys(g.pending))) {
		l.target, l.err, l.handed = nil, g.broken, true
	}
	clear(g.pending)
	clear(g.waiting)
	g.queue, g.answered = nil, nil
}
