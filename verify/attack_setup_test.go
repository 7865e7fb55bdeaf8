package verify_test

import (
	"context"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// position is the place of the targets role that is attacked. What is tried on
// the top-level role is tried again on delegated ones, because more than one
// client checked delegated roles less (CVE-2025-2887, CVE-2026-6966,
// CVE-2026-6967).
type position struct {
	name            string
	role, delegator string
}

var positions = []position{
	{"top level", "targets", "root"},
	{"depth 1", "one", "targets"},
	{"depth 3", "three", "two"},
}

// setup is a repository and its clients, before an attack. The victim is a
// targets role at some position, and lists the target "app". Roles of lower
// priority list an "app" of their own, which no client may get, whatever
// happens to the victim.
type setup struct {
	*testing.T
	position
	repo    *verifytest.Repo
	old     verifytest.Files // the repository before the victim's newest version
	mirror  verifytest.Files // where the clients ask; nil: the repository itself
	options verify.Options
	store   verifytest.Store // what a client has saved that has ended since
	session *verify.Session  // the session of a client that goes on
	lasting verifytest.Store // and the store of that one
}

// atEachPosition runs a test at the top level, at depth 1 and at depth 3, in
// both envelope formats.
func atEachPosition(t *testing.T, o verifytest.Options, test func(s *setup)) {
	t.Helper()
	for _, p := range positions {
		inBothFormats(t, p.name, func(t *testing.T, format metadata.EnvelopeFormat) {
			o := o
			o.EnvelopeFormat = format
			test(newSetup(t, o, p))
		})
	}
}

// everything are patterns for all paths of up to four segments.
var everything = []string{"*", "*/*", "*/*/*", "*/*/*/*"}

// delegateEverything has a role delegate these paths to another one.
func delegateEverything(from *verifytest.Role, name string, keys ...*verifytest.Key) *verifytest.Role {
	return from.Delegate(verifytest.Delegation{Name: name, Paths: everything, Keys: keys})
}

// delegateDown has each role delegate everything to the next one, and returns
// the last.
func delegateDown(from *verifytest.Role, names ...string) *verifytest.Role {
	for _, name := range names {
		from = delegateEverything(from, name)
	}
	return from
}

func newSetup(t *testing.T, o verifytest.Options, p position) *setup {
	repo := verifytest.New(o)
	delegateDown(repo.Targets(), "one", "two", "three")
	for _, name := range []string{"two", "one", "targets"} {
		delegateEverything(repo.Role(name), "fallback").AddTarget("app", []byte("fallback"))
	}
	s := &setup{
		T:        t,
		position: p,
		repo:     repo,
		store:    verifytest.Store{},
		options:  verify.Options{EnvelopeFormat: o.EnvelopeFormat},
	}
	s.role().AddTarget("app", []byte("first"))
	repo.Publish()
	s.old = repo.Metadata().Clone()
	s.role().AddTarget("app", []byte("second"))
	repo.Publish()
	return s
}

// newDeepSetup returns a setup with the victim at depth 3 and a second root.
func newDeepSetup(t *testing.T, o verifytest.Options) *setup {
	s := newSetup(t, o, positions[2])
	s.repo.PublishOnly("root")
	s.repo.Publish()
	return s
}

func (s *setup) role() *verifytest.Role { return s.repo.Role(s.position.role) }

// key returns the victim's key.
func (s *setup) key() *verifytest.Key { return s.repo.Keys(s.position.role)[0] }

func (s *setup) keys(names ...string) (list []*verifytest.Key) {
	for _, name := range names {
		list = append(list, s.repo.Key(name))
	}
	return list
}

// name is the file name of the victim's newest version.
func (s *setup) name() string { return s.repo.FileName(s.position.role) }

// before is the victim's file of the version before.
func (s *setup) before() []byte {
	return s.old[metadata.FileName(s.position.role, s.repo.Version(s.position.role)-1)]
}

// saved is the name under which the victim's file is saved.
func (s *setup) saved() string { return verify.StoreName(s.position.role) }

// meet has a client find the target while all is well. Its session and its
// store are there when the attack begins.
func (s *setup) meet() {
	s.Helper()
	s.session = s.begin(s.store)
	target, err := s.ask(s.session, s.store)
	require.NoError(s, err)
	require.Equal(s, s.position.role, target.Role)
	s.lasting = maps.Clone(s.store)
}

func (s *setup) begin(store verifytest.Store) *verify.Session {
	s.Helper()
	return newSession(s, s.repo, verify.LoadStored(context.Background(), store), s.options)
}

func (s *setup) source() verify.Source {
	if s.mirror != nil {
		return s.mirror.Source()
	}
	return s.repo.Metadata().Source()
}

// ask looks "app" up. It asks the given sources, or else the mirror.
func (s *setup) ask(
	session *verify.Session, store verifytest.Store, sources ...verify.Source,
) (*verify.Target, error) {
	s.Helper()
	if len(sources) == 0 {
		sources = []verify.Source{s.source()}
	}
	l := session.Lookup("app")
	failure := session.Run(context.Background(), store, sources...)
	target, err := l.Target()
	if failure != nil {
		require.Error(s, err)
		late := session.Lookup("app") // R15: a failed update answers no lookup
		require.Error(s, session.Run(context.Background(), store, sources...))
		_, err := late.Target()
		require.ErrorIs(s, err, failure)
	}
	if err != nil {
		require.Nil(s, target)
	}
	return target, err
}

// firstRun looks "app" up without any saved file.
func (s *setup) firstRun(sources ...verify.Source) (*verify.Target, error) {
	s.Helper()
	store := verifytest.Store{}
	return s.ask(s.begin(store), store, sources...)
}

// forward takes a first run to the request for a role's file.
func (s *setup) forward(role string) (*verify.Session, verify.Request) {
	s.Helper()
	c := &client{s.T, s.repo, s.begin(verifytest.Store{})}
	c.session.Lookup("app")
	return c.session, c.forward(role)
}

// attackedClient is a client that meets the attack.
type attackedClient struct {
	name    string
	store   verifytest.Store
	session *verify.Session
}

// clients are the one whose session goes on, one that starts again from what it
// saved, and one that comes for the first time.
func (s *setup) clients() []attackedClient {
	s.Helper()
	s.session = renew(s, s.session, s.repo.Now())
	again, first := maps.Clone(s.store), verifytest.Store{}
	return []attackedClient{
		{"refreshed", s.lasting, s.session},
		{"run again", again, s.begin(again)},
		{"first run", first, s.begin(first)},
	}
}

// mustRefuse says that no client accepts the victim's file, or another one in
// its place, and that none of them saves it. If it needs history, a client that
// comes for the first time cannot know better, and accepts it.
func (s *setup) mustRefuse(want error, needsHistory bool) {
	s.Helper()
	for _, c := range s.clients() {
		before, had := c.store[s.saved()]
		target, err := s.ask(c.session, c.store)
		if needsHistory && c.name == "first run" {
			require.NoError(s, err, c.name)
			continue
		}
		require.ErrorIs(s, err, want, c.name)
		require.Nil(s, target, c.name)
		after, has := c.store[s.saved()]
		require.Equal(s, had, has, c.name)
		require.Equal(s, before, after, "%s: a rejected file is not saved", c.name)
	}
}

// mustAccept says that all clients accept what the victim's newest file lists.
func (s *setup) mustAccept() {
	s.Helper()
	for _, c := range s.clients() {
		target, err := s.ask(c.session, c.store)
		require.NoError(s, err, c.name)
		require.Equal(s, s.position.role, target.Role, c.name)
		require.Equal(s, s.repo.Metadata()[s.name()], c.store[s.saved()], c.name)
	}
}

// delegate gives the victim other keys, and has the signers sign it, or else
// those keys.
func (s *setup) delegate(threshold int, listed []*verifytest.Key, signers ...*verifytest.Key) {
	if s.delegator == "root" {
		s.repo.Rotate("targets", threshold, listed...)
	} else {
		s.repo.Role(s.delegator).Delegate(verifytest.Delegation{
			Name: s.position.role, Paths: everything, Keys: listed, Threshold: threshold,
		})
	}
	s.repo.SignWith(s.position.role, signers...)
	s.repo.Publish()
}

// editSigners changes how the delegator lists the victim: its key IDs and
// threshold, and the keys.
func (s *setup) editSigners(edit func(entry, keys object)) {
	s.repo.Edit(s.delegator, func(signed object) {
		if s.delegator == "root" {
			edit(signed["roles"].(object)["targets"].(object), signed["keys"].(object))
			return
		}
		d := signed["delegations"].(object)
		for _, entry := range d["roles"].([]any) {
			if entry := entry.(object); entry["name"] == s.position.role {
				edit(entry, d["keys"].(object))
			}
		}
	})
}

// editListed changes what the snapshot lists for the victim.
func (s *setup) editListed(edit func(info object)) {
	s.repo.Edit("snapshot", func(signed object) {
		edit(signed["meta"].(object)[s.position.role+".json"].(object))
	})
}

// alone removes the delegations of the victim.
func (s *setup) alone() {
	children := map[string][]string{"targets": {"one", "fallback"}, "one": {"two", "fallback"}}
	for _, child := range children[s.position.role] {
		s.role().Undelegate(child)
	}
}

// Without an attack all clients succeed at every position, and "app" is the
// victim's.
func TestSetupWithoutAttack(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.meet()
		s.mustAccept()
		require.NotEmpty(s, s.before())
		s.role().AddTarget("app", []byte("third"))
		s.repo.Publish()
		s.mustAccept()
	})
	// The tests would notice: a client gets the fallback where the victim does
	// not list the target.
	s := newSetup(t, verifytest.Options{}, positions[1])
	s.role().RemoveTarget("app")
	s.repo.Publish()
	target, err := s.firstRun()
	require.NoError(t, err)
	require.Equal(t, "fallback", target.Role)
}
