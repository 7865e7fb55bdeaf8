package verifytest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
)

// Options says how a repository is built. The zero value is a usual repository.
type Options struct {
	// Seed is what the keys are derived from, together with their names:
	// repositories with different seeds have different keys.
	Seed string
	// Start is where the repository's clock starts. The default is
	// 2030-01-01T00:00:00Z.
	Start time.Time
	// Scheme is the scheme of the keys that the repository makes, as in NewKey.
	// The default is "ed25519".
	Scheme string
	// NoConsistentSnapshot sets consistent_snapshot to false: file names have
	// no versions and no hashes.
	NoConsistentSnapshot bool
	// MetaHashes has timestamp and snapshot list the length and the hashes of
	// files. Otherwise they list versions only.
	MetaHashes bool
	// Compact writes JSON without white space. Otherwise it is indented by one
	// space.
	Compact bool
	// Hashes are the algorithms of the listed hashes: "sha256", "sha384" and
	// "sha512". The default is "sha256" alone.
	Hashes []string
	// EnvelopeFormat is the format of all files. The default is
	// metadata.Classic. A client must expect the same format: see
	// verify.Options.
	EnvelopeFormat metadata.EnvelopeFormat
}

// A Repo is a TUF repository with all its keys, and the files that a mirror of
// it serves. It is not safe for concurrent use.
type Repo struct {
	options Options
	plain   bool // what options.NoConsistentSnapshot will be, once a root says so
	now     time.Time

	root, timestamp, snapshot sheet
	keys                      map[string]*topRole // what the next root lists
	signedRoot                []*Key              // the root keys that the last published root lists

	byName map[string]*Role
	roles  []*Role         // in the order in which they were made
	made   map[string]*Key // by name

	first    []byte // the first root
	metadata Files
	targets  Files
}

type topRole struct {
	keys      []*Key
	threshold int
}

// topLevel are the names of the top-level roles.
var topLevel = []string{
	metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets,
}

// sheet is what all roles have: how the next version is signed, and what was
// published last.
type sheet struct {
	name     string
	lifetime time.Duration
	next     int64 // the version to publish next
	changed  bool
	signers  []*Key // nil: those who should
	edits    []func(map[string]any)
	wraps    []func(map[string]any)

	version int64 // 0: not published yet
	data    []byte
	hashes  map[string]string
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// New returns a repository whose first root, timestamp, snapshot and targets
// are published. Each of the four roles has one key, Key("root") and so on.
// They live a year, a day, a week and a year; delegated roles a year.
func New(o Options) *Repo {
	if o.Start.IsZero() {
		o.Start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Scheme == "" {
		o.Scheme = "ed25519"
	}
	if len(o.Hashes) == 0 {
		o.Hashes = []string{"sha256"}
	}
	r := &Repo{
		options:   o,
		plain:     o.NoConsistentSnapshot,
		now:       o.Start,
		root:      sheet{name: metadata.RoleRoot, lifetime: year, next: 1, changed: true},
		timestamp: sheet{name: metadata.RoleTimestamp, lifetime: day, next: 1},
		snapshot:  sheet{name: metadata.RoleSnapshot, lifetime: 7 * day, next: 1},
		keys:      map[string]*topRole{},
		byName:    map[string]*Role{},
		made:      map[string]*Key{},
		metadata:  Files{},
		targets:   Files{},
	}
	for _, name := range topLevel {
		r.keys[name] = &topRole{keys: []*Key{r.Key(name)}, threshold: 1}
	}
	r.hash(nil) // panics now rather than later
	r.addRole(metadata.RoleTargets)
	r.Publish()
	r.first = slices.Clone(r.root.data)
	return r
}

// TrustedRoot returns a copy of the first root: the initial trusted root of a
// client. A client may also begin with any later root.
func (r *Repo) TrustedRoot() []byte { return slices.Clone(r.first) }

// Now returns the time on the repository's clock, which only Advance moves.
func (r *Repo) Now() time.Time { return r.now }

// Advance moves the repository's clock. What is published from now on expires
// later.
func (r *Repo) Advance(d time.Duration) { r.now = r.now.Add(d) }

// EnvelopeFormat returns the format of the repository's files.
func (r *Repo) EnvelopeFormat() metadata.EnvelopeFormat { return r.options.EnvelopeFormat }

// Key returns the key of that name. It depends on the name, on the repository's
// scheme and on its seed.
func (r *Repo) Key(name string) *Key {
	k, ok := r.made[name]
	if !ok {
		k = NewKey(r.options.Scheme, r.options.Seed+"/"+name)
		r.made[name] = k
	}
	return k
}

// Keys returns the keys of a role: those that the root, or the role's
// delegators, list for it.
func (r *Repo) Keys(role string) []*Key {
	if top, ok := r.keys[role]; ok {
		return slices.Clone(top.keys)
	}
	return slices.Clone(r.Role(role).listedKeys())
}

// Rotate gives a top-level role these keys and this threshold, from the next
// root on. A new root is signed by the new and the old root keys. For a chain
// of roots, call Rotate and PublishOnly("root") in turn.
func (r *Repo) Rotate(role string, threshold int, keys ...*Key) {
	top, ok := r.keys[role]
	if !ok {
		panic(fmt.Sprintf("verifytest: Rotate: %q is not a top-level role", role))
	}
	top.keys, top.threshold = slices.Clone(keys), threshold
	r.root.changed = true
	r.sheet(role).changed = true
}

// SetConsistentSnapshot turns consistent_snapshot on or off, from the next root
// on. Files that are published already are then served under both kinds of
// names.
func (r *Repo) SetConsistentSnapshot(on bool) {
	r.plain = !on
	r.root.changed = true
}

// SignWith sets the keys that sign the role from now on: right ones, too few,
// those of strangers, or one of them twice. Without keys, the role's own keys
// sign again.
func (r *Repo) SignWith(role string, keys ...*Key) {
	s := r.sheet(role)
	s.signers, s.changed = slices.Clone(keys), true
}

// SetLifetime sets the time from the role's publication to its expiry, from now
// on. With zero or less, a published file has expired already.
func (r *Repo) SetLifetime(role string, d time.Duration) {
	s := r.sheet(role)
	s.lifetime, s.changed = d, true
}

// SetVersion sets the version of the role that is published next, forwards or
// backwards.
func (r *Repo) SetVersion(role string, version int64) {
	s := r.sheet(role)
	s.next, s.changed = version, true
}

// Edit has f change the role's content before it is signed, each time that it
// is published from now on. Several edits are applied in order; a nil f removes
// them all. Numbers are int64 or json.Number. An edit of the version does not
// change the name of the file, nor the version that others list; use SetVersion
// for that.
func (r *Repo) Edit(role string, f func(signed map[string]any)) {
	s := r.sheet(role)
	s.edits, s.changed = append(s.edits, f), true
	if f == nil {
		s.edits = nil
	}
}

// EditEnvelope is like Edit, but f is given the whole file after it is signed:
// what Sign or SignDSSE returns.
func (r *Repo) EditEnvelope(role string, f func(envelope map[string]any)) {
	s := r.sheet(role)
	s.wraps, s.changed = append(s.wraps, f), true
	if f == nil {
		s.wraps = nil
	}
}

// Touch has the next Publish publish a new version of the role, although
// nothing has changed.
func (r *Repo) Touch(role string) { r.sheet(role).changed = true }

// Version returns the version of the role that was published last; 0 if there
// is none.
func (r *Repo) Version(role string) int64 { return r.sheet(role).version }

// FileName returns the name under which Metadata has the role's newest version.
func (r *Repo) FileName(role string) string {
	s := r.sheet(role)
	return r.fileName(s.name, s.version)
}

// Metadata returns the metadata files that the repository serves, including old
// versions. It is the repository's own map, and a test may change it. A clone
// of it stays as the repository is now.
func (r *Repo) Metadata() Files { return r.metadata }

// TargetFiles returns the target files that the repository serves. A test may
// change this map, too.
func (r *Repo) TargetFiles() Files { return r.targets }

// Targets returns the top-level targets role.
func (r *Repo) Targets() *Role { return r.Role(metadata.RoleTargets) }

// Role returns the targets role of that name: the top-level one, or one that
// has been delegated.
func (r *Repo) Role(name string) *Role {
	x, ok := r.byName[name]
	if !ok {
		panic(fmt.Sprintf("verifytest: no targets role %q", name))
	}
	return x
}

func (r *Repo) sheet(role string) *sheet {
	switch role {
	case metadata.RoleRoot:
		return &r.root
	case metadata.RoleTimestamp:
		return &r.timestamp
	case metadata.RoleSnapshot:
		return &r.snapshot
	}
	return &r.Role(role).sheet
}

func (r *Repo) addRole(name string) *Role {
	x := &Role{repo: r, sheet: sheet{name: name, lifetime: year, next: 1, changed: true}}
	r.byName[name] = x
	r.roles = append(r.roles, x)
	return x
}

// A Role is a targets role: the top-level one or a delegated one. Changes show
// in the metadata from the next Publish on.
type Role struct {
	sheet
	repo        *Repo
	targets     map[string]*target
	delegations []*delegation
	succinct    *bins // bins, if they are listed as succinct_roles
	bins        *bins
	delegators  []delegator
}

type target struct {
	content []byte // nil: there is none to serve
	served  bool
	length  int64
	hashes  map[string]string
	custom  any
}

// Name returns the role's name.
func (x *Role) Name() string { return x.name }

// AddTarget lists a target, and serves its content.
func (x *Role) AddTarget(path string, content []byte) {
	x.AddTargetInfo(path, int64(len(content)), x.repo.hash(content))
	x.targets[path].content = append([]byte{}, content...)
}

// AddTargetInfo lists a target without content. The hashes are in hexadecimal,
// by algorithm.
func (x *Role) AddTargetInfo(path string, length int64, hashes map[string]string) {
	if x.targets == nil {
		x.targets = map[string]*target{}
	}
	x.targets[path] = &target{length: length, hashes: maps.Clone(hashes)}
	x.changed = true
}

// SetCustom sets the custom member of a listed target.
func (x *Role) SetCustom(path string, custom any) {
	t, ok := x.targets[path]
	if !ok {
		panic(fmt.Sprintf("verifytest: role %q has no target %q", x.name, path))
	}
	t.custom, x.changed = custom, true
}

// RemoveTarget no longer lists the target. Its content is still served.
func (x *Role) RemoveTarget(path string) {
	delete(x.targets, path)
	x.changed = true
}

// hash returns the digests of data that the repository lists.
func (r *Repo) hash(data []byte) map[string]string {
	m := make(map[string]string, len(r.options.Hashes))
	for _, name := range r.options.Hashes {
		var h hash.Hash
		switch name {
		case "sha256":
			h = sha256.New()
		case "sha384":
			h = sha512.New384()
		case "sha512":
			h = sha512.New()
		default:
			panic(fmt.Sprintf("verifytest: no hash %q", name))
		}
		h.Write(data)
		m[name] = hex.EncodeToString(h.Sum(nil))
	}
	return m
}
