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

// Repository is what one repository of the map starts from: the arguments of
// verify.New.
type Repository struct {
	// Anchor is the root file that the caller received out of band. Each
	// repository must have its own.
	TrustedRoot []byte
	// Stored is what an earlier run saved for this repository.
	Stored verify.Stored
	// Options are the session's.
	Options verify.Options
}

// Options change how a group decides. The zero value is the default.
type Options struct {
	// FallThrough has a lookup go on to the next entry if too few repositories
	// agree in one that is not terminating, as the text of TAP 4 has it. Any
	// one of an entry's repositories can then have the search go on to a later
	// entry, by listing something else than the others.
	FallThrough bool
}

// Group is one client's view of the repositories of a map. It is not safe for
// concurrent use; nothing in it blocks.
type Group struct {
	options Options
	entries []entry
	members []*member // in the order of their names
	named   map[string]*member
	broken  error // a save that failed

	lookups int
	pending map[*Lookup]bool
	waiting map[*verify.Lookup]*question
	decided []*Lookup // all answers of their entry have come
	queue   []*Lookup // settled, and not handed out
	doneNow []*Lookup // handed out by the last Next
}

// member is a repository of the group.
type member struct {
	name    string
	session *verify.Session
	options verify.Options
	index   verify.RequestID

	root     int64 // the version of the root that voice is of
	rootKeys string
}

// entry is an entry of the map, with its repositories in listed order.
type entry struct {
	metadata.MapEntry
	members []*member
}

// ErrMap is what errors wrap that say that a group cannot be made of a map and
// its repositories.
var ErrMap = errors.New("map and repositories do not fit")

// RepositoryError says that something is wrong with a repository: of New, with
// what it was given for it, and then it wraps ErrMap; of Group.Err and
// Group.Warnings, that it could not be brought up to date.
type RepositoryError struct {
	Repository string
	Err        error
}

func (e *RepositoryError) Error() string {
	return fmt.Sprintf("repository %q: %v", e.Repository, e.Err)
}
func (e *RepositoryError) Unwrap() error { return e.Err }

// VoicesError says that an entry's threshold cannot be reached, because some of
// its repositories have the same root keys. It wraps ErrMap.
type VoicesError struct {
	Entry             int // counted from 0
	Threshold, Voices int
}

func (e *VoicesError) Error() string {
	return fmt.Sprintf("%v: mapping[%d] has a threshold of %d, and its repositories, by their root keys, are only %d different", ErrMap, e.Entry, e.Threshold, e.Voices)
}

func (e *VoicesError) Unwrap() error { return ErrMap }

// New begins the first cycle of every repository. Each one of the map must be
// given, by its name, and no other. The time is as in verify.New.
//
// Errors wrap ErrMap, and so say that nobody can have been asked:
// *RepositoryError for a repository that is missing, unknown or without a good
// anchor (and then what verify.New returned too), *VoicesError. For the zero
// time it returns verify.ErrTime.
func New(m *metadata.Map, repositories map[string]Repository, now time.Time, o Options) (*Group, error) {
	if now.Round(0).IsZero() {
		return nil, fmt.Errorf("%w: the zero time", verify.ErrTime)
	}
	g := &Group{options: o, named: map[string]*member{}, pending: map[*Lookup]bool{}, waiting: map[*verify.Lookup]*question{}}
	if m == nil {
		m = new(metadata.Map)
	}
	for name := range m.Repositories() {
		r, ok := repositories[name]
		switch {
		case !ok:
			return nil, &RepositoryError{name, fmt.Errorf("%w: nothing is given for it", ErrMap)}
		case r.TrustedRoot == nil:
			return nil, &RepositoryError{name, fmt.Errorf("%w: there is no anchor", ErrMap)}
		}
		session, err := verify.New(r.TrustedRoot, r.Stored, now, r.Options)
		if err != nil {
			return nil, &RepositoryError{name, fmt.Errorf("%w: %w", ErrMap, err)}
		}
		g.add(name, session, r.Options)
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

func (g *Group) add(name string, session *verify.Session, o verify.Options) {
	x := &member{name: name, session: session, options: o, index: verify.RequestID(len(g.members))}
	g.members, g.named[name] = append(g.members, x), x
}

func (g *Group) addEntries(m *metadata.Map) error {
	for i, e := range m.Entries() {
		added := entry{MapEntry: e}
		for _, name := range e.Repositories {
			added.members = append(added.members, g.named[name])
		}
		everybody := ^set(0)
		if n := everybody.distinct(added.rootKeys()); n < e.Threshold {
			return &VoicesError{i, e.Threshold, n}
		}
		g.entries = append(g.entries, added)
	}
	if len(g.entries) == 0 {
		return fmt.Errorf("%w: the map is empty", ErrMap)
	}
	return nil
}

// voices are those of the roots that are trusted now: two repositories may come
// to the same root from different anchors.
func (e *entry) rootKeys() (list []string) {
	for _, x := range e.members {
		if v := x.session.Version(metadata.RoleRoot); x.root != v {
			x.root, x.rootKeys = v, rootKeysOf(x.session.Root(), x.options.Policy)
		}
		list = append(list, x.rootKeys)
	}
	return list
}

// Session returns a repository's session, or nil for a name that is not in the
// map: to be asked for versions, times and what may be saved. To drive it is
// the group's business. Its request IDs are not the group's.
func (g *Group) Session(repository string) *verify.Session {
	if x := g.named[repository]; x != nil {
		return x.session
	}
	return nil
}

// Repositories returns the names in the order of their bytes, which is that of
// everything that a group returns.
func (g *Group) Repositories() (names []string) {
	for _, x := range g.members {
		names = append(names, x.name)
	}
	return names
}

// Refresh begins another cycle of all repositories, at a later time, as
// verify.Session.Refresh does. One that failed in the last cycle is asked
// again.
//
// It returns verify.ErrInProgress, and changes nothing, while requests are open
// or there are lookups that Next has not handed out; verify.ErrTime and
// verify.ErrSave as a session does.
func (g *Group) Refresh(now time.Time) error {
	switch {
	case g.broken != nil:
		return g.broken
	case len(g.pending)+len(g.queue) > 0 || g.inProgress():
		return verify.ErrInProgress
	}
	for _, x := range g.members { // all have had the same times, so it is all or the first
		if err := x.session.Refresh(now); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) inProgress() bool {
	return slices.ContainsFunc(g.members, func(x *member) bool { return errors.Is(x.session.Err(), verify.ErrInProgress) })
}

// Err returns nil if no request is open, every lookup is decided, and at least
// one repository could be brought up to date: what the others' silence means,
// lookups say. Otherwise it returns verify.ErrInProgress, verify.ErrSave after
// Abandon, or a *RepositoryError for every repository.
func (g *Group) Err() error {
	switch {
	case g.broken != nil:
		return g.broken
	case len(g.pending) > 0 || g.inProgress():
		return verify.ErrInProgress
	}
	errs := make([]error, len(g.members))
	for i, x := range g.members {
		err := x.session.Err()
		if err == nil {
			return nil
		}
		errs[i] = &RepositoryError{x.name, g.own(x, err)}
	}
	return errors.Join(errs...)
}

// Warnings returns what did not stop the group but should be shown or logged,
// repository by repository: a *RepositoryError for each warning of a session,
// and for each repository that could not be brought up to date. The slice is
// the caller's.
func (g *Group) Warnings() (list []error) {
	for _, x := range g.members {
		for _, r := range x.session.Warnings() {
			list = append(list, &RepositoryError{x.name, r})
		}
		if err := x.session.Err(); err != nil && !errors.Is(err, verify.ErrInProgress) {
			list = append(list, &RepositoryError{x.name, g.own(x, err)})
		}
	}
	return list
}

// Abandon makes the group useless because a record of any repository could not
// be saved, and with it the lookups that Next handed out together with that
// record. Everything reports verify.ErrSave and the cause from then on.
func (g *Group) Abandon(cause error) {
	for _, x := range g.members {
		if !errors.Is(x.session.Err(), verify.ErrSave) {
			x.session.Abandon(cause)
		}
	}
	if g.broken == nil {
		g.broken = g.members[0].session.Err() // of a cause that wraps what only a session may say of itself, it has the text alone
	}
	for _, l := range slices.Concat(g.doneNow, g.queue, slices.Collect(maps.Keys(g.pending))) {
		l.target, l.err, l.handed = nil, g.broken, true
	}
	g.queue = nil
}
