package client

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

const (
	// DefaultMaxAge is how old a view may be before Find brings the client up
	// to date.
	DefaultMaxAge = 5 * time.Minute
	// DefaultWarnAhead is how long before the view expires Watch warns.
	DefaultWarnAhead = 6 * time.Hour
	// DefaultLookahead is how many metadata files may be asked for before they
	// are needed (verify.Options.Lookahead).
	DefaultLookahead = 64
	// RetryAfter is how long Find answers from the last good view after an
	// update that failed, before it tries another one.
	RetryAfter = time.Minute
	// MaxAgain is how often an update begins again because another process was
	// ahead (verify.ErrSuperseded).
	MaxAgain = 3
)

// Config is what Open needs: of one repository the trusted root and its URLs,
// of several Map and Repositories. Zero values are the defaults. No field
// switches a check off. The slices and maps must not be changed afterwards.
type Config struct {
	// TrustedRoot is the initial trusted root file. It must come from a place
	// that the network cannot write to, such as the program itself (go:embed).
	TrustedRoot []byte
	// Metadata are base URLs of metadata, best first, and Targets those of
	// target files. See Mirrors.
	Metadata, Targets []string
	// Folder is where the trusted metadata is saved, for rollback protection
	// also after a restart: see Folder. It is for this repository alone. Do not
	// make its name from one of several URLs: after a change of their order the
	// same repository would begin without protection. Empty: in memory, until
	// the client is closed.
	Folder string
	// Store is a store in place of Folder. It must be safe for many goroutines:
	// an update and lookups in the last view may use it at once.
	Store verify.Store
	// Sources are sources of metadata in place of Metadata.
	Sources []Source
	// HTTP is how the URLs are fetched: its own Metadata and Targets are not
	// used.
	HTTP MirrorsConfig
	// Options are those of the session: limits, envelope format, policy.
	// Open sets Repository, and EverySource if EveryMirror is set. A Lookahead
	// of zero means DefaultLookahead; below zero there is none.
	Options verify.Options

	// Map makes a client of several repositories (TAP 4, package multirepo).
	// The fields above must be empty then. It must come from a place that the
	// network cannot write to.
	Map *metadata.Map
	// Repositories are those of the map, by name.
	Repositories map[string]Repository
	// Group says how repositories must agree.
	Group multirepo.Options

	// Offline makes the store the only source, the timestamp included: no
	// request is sent, and nothing is written. No check is off: it works until
	// what is saved expires. View says of when it is.
	Offline bool
	// EveryMirror wants every source to say that there is no newer root. By
	// default one suffices, if none that answers within RootGrace has one.
	// So hiding a root works until the old root expires, for anyone who holds
	// keys that the hidden root revokes and can keep the honest mirrors from
	// being heard. On the other side, a list of mirrors must not be less
	// available than each of them.
	EveryMirror bool
	// RootGrace, Parallel and PerSource are as in DriveConfig. A client may
	// have two Drives at once, an update and lookups in the last view.
	RootGrace           time.Duration
	Parallel, PerSource int

	// MaxAge is how old a view may be before Find brings the client up to date;
	// 0 means DefaultMaxAge. Below zero, every Find does.
	MaxAge time.Duration
	// WarnAhead is how long before a view expires Watch warns; 0 means
	// DefaultWarnAhead.
	WarnAhead time.Duration
	// Now is the clock; nil means time.Now. Expiry is judged by it.
	Now func() time.Time
	// Observe is told what happens. It is called by several goroutines, but one
	// call after the other. It should return soon, and must not call the
	// client.
	Observe func(Event)
}

// Repository is one of several repositories: its fields are those of Config
// with the same names. Each needs a folder of its own.
type Repository struct {
	TrustedRoot       []byte
	Metadata, Targets []string
	Folder            string
	Store             verify.Store
	Sources           []Source
	HTTP              MirrorsConfig
	Options           verify.Options
}

func (c Config) withDefaults() Config {
	c.MaxAge = cmp.Or(c.MaxAge, DefaultMaxAge)
	c.WarnAhead = cmp.Or(max(c.WarnAhead, 0), DefaultWarnAhead)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// single returns the one repository of a Config without a map.
func (c Config) single() Repository {
	return Repository{c.TrustedRoot, c.Metadata, c.Targets, c.Folder, c.Store, c.Sources, c.HTTP, c.Options}
}

var (
	errMissing = errors.New("is missing")
	errBoth    = errors.New("there must be only one of them")
	errNoMap   = errors.New("there are Repositories, and no Map")
	errWithMap = errors.New("with Map, it belongs in Repositories")
	errShared  = errors.New("another repository has the same one")
)

// repositories returns all repositories, by name.
func (c Config) repositories() (map[string]Repository, error) {
	one := c.single()
	switch {
	case c.Map == nil && len(c.Repositories) > 0:
		return nil, &ConfigError{Field: "Map", Err: errNoMap}
	case c.Map == nil:
		return map[string]Repository{"": one}, nil
	case one.TrustedRoot != nil || one.Folder != "" || one.Store != nil,
		len(one.Metadata)+len(one.Targets)+len(one.Sources) > 0:
		return nil, &ConfigError{Field: "TrustedRoot, URLs and Folder", Err: errWithMap}
	}
	folders := map[string]bool{}
	for name, r := range c.Repositories {
		if r.Folder != "" && folders[r.Folder] {
			return nil, &ConfigError{name, "Folder", errShared}
		}
		folders[r.Folder] = true
	}
	return c.Repositories, nil
}

func (r Repository) check(name string, offline bool) error {
	switch {
	case len(r.TrustedRoot) == 0:
		return &ConfigError{name, "TrustedRoot", errMissing}
	case r.Folder != "" && r.Store != nil:
		return &ConfigError{name, "Folder and Store", errBoth}
	case len(r.Metadata) > 0 && len(r.Sources) > 0:
		return &ConfigError{name, "Metadata and Sources", errBoth}
	case !offline && len(r.Metadata)+len(r.Sources) == 0:
		return &ConfigError{name, "Metadata", errMissing}
	case offline && r.Folder == "" && r.Store == nil:
		return &ConfigError{name, "Folder", errMissing}
	}
	return nil
}

// repository is one of a client's repositories, at work.
type repository struct {
	Repository
	name    string
	folder  *Folder // nil: another kind of store
	store   verify.Store
	sources func() []Source
	mirrors *Mirrors // of targets; nil: there are none
}

func (c *Client) open(name string, r Repository) (*repository, error) {
	if err := r.check(name, c.config.Offline); err != nil {
		return nil, err
	}
	r.Options.Repository, r.Options.EverySource = name, r.Options.EverySource || c.config.EveryMirror
	c.everySource = c.everySource || r.Options.EverySource
	r.Options.Lookahead = max(cmp.Or(r.Options.Lookahead, DefaultLookahead), 0)
	x := &repository{Repository: r, name: name}
	if err := x.openStore(c.config.Offline); err != nil {
		return nil, err
	}
	if c.config.Offline {
		offline := []Source{storeSource{x.store}}
		x.sources = func() []Source { return offline }
		return x, nil
	}
	x.sources = func() []Source { return r.Sources }
	if len(r.Metadata)+len(r.Targets) > 0 {
		r.HTTP.Metadata, r.HTTP.Targets = r.Metadata, r.Targets
		mirrors, err := NewMirrors(r.HTTP)
		if err != nil {
			return nil, &ConfigError{name, "Metadata and Targets", err}
		}
		x.mirrors = mirrors
		if len(r.Metadata) > 0 {
			x.sources = mirrors.Sources
		}
	}
	return x, nil
}

func (x *repository) openStore(offline bool) (err error) {
	switch {
	case offline && x.Folder != "":
		x.store, err = OpenReadOnly(x.Folder)
	case offline:
		x.store = x.Store
	case x.Folder != "":
		if x.folder, err = OpenFolder(x.Folder); err == nil {
			x.store = guarded(x.folder, x)
		}
	case x.Store != nil:
		x.store = guarded(x.Store, x)
	default:
		x.store = NewMemory()
	}
	return err
}

// where is the folder's path; empty for another kind of store.
func (x *repository) where() string {
	if x.folder != nil {
		return x.folder.Path()
	}
	return x.Folder
}

// adopt makes sure that the folder is this repository's.
func (x *repository) adopt(ctx context.Context) (warning, err error) {
	if x.folder == nil {
		return nil, nil
	}
	setAside, err := x.folder.AdoptWith(ctx, x.TrustedRoot, x.Options)
	if setAside != "" {
		warning = &SetAsideError{x.name, x.where(), setAside}
	}
	return warning, err
}

// storeSource is a store as a source.
type storeSource struct{ store verify.Store }

func (storeSource) Name() string { return "the store" }

func (s storeSource) Fetch(ctx context.Context, req verify.Request) ([]byte, error) {
	return verify.StoreSource(s.store)(ctx, req)
}

// first begins a first update, from what is stored alone.
func (c *Client) first(stored map[string]verify.Stored, now time.Time) (*live, error) {
	if c.config.Map == nil {
		x := c.repositories[""]
		s, err := verify.New(x.TrustedRoot, stored[""], now, x.Options)
		if err != nil {
			return nil, err
		}
		return newLive(c, s, nil, now), nil
	}
	start := map[string]multirepo.Repository{}
	for name, x := range c.repositories {
		start[name] = multirepo.Repository{TrustedRoot: x.TrustedRoot, Stored: stored[name], Options: x.Options}
	}
	g, err := multirepo.New(c.config.Map, start, now, c.config.Group)
	if err != nil {
		return nil, err
	}
	return newLive(c, nil, g, now), nil
}

// stored is what all stores have.
func (c *Client) stored(ctx context.Context) map[string]verify.Stored {
	stored := map[string]verify.Stored{}
	for name, x := range c.repositories {
		stored[name] = verify.LoadStored(ctx, x.store)
	}
	return stored
}

// checkStart finds what is wrong with trusted roots and map, before the first
// update.
func (c *Client) checkStart() error {
	_, err := c.first(nil, c.config.Now())
	switch {
	case err == nil:
		return nil
	case c.config.Map == nil:
		return &ConfigError{Field: "TrustedRoot", Err: err}
	}
	return &ConfigError{Field: "Map", Err: err}
}
