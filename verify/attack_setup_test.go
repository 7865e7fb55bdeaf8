package verify_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// position is where a targets role stands that is attacked. What goes wrong for
// the top-level one is tried again further down, because more than one client
// checked delegated roles less (CVE-2025-2887, CVE-2026-6966, CVE-2026-6967).
type position struct {
	name            string
	role, delegator string
}

var positions = []position{{"top level", "targets", "root"}, {"depth 1", "one", "targets"}, {"depth 3", "three", "two"}}

// stage is a repository whose victim, a targets role at some position, lists
// the target "app"; and clients who have met it before. Roles of lower priority
// list an "app" of their own. Nobody may get that, whatever happens to the
// victim.
type stage struct {
	*testing.T
	position
	repo    *verifytest.Repo
	old     verifytest.Files // the repository as it was one version of the victim ago
	mirror  verifytest.Files // where the clients ask; nil: the repository itself
	options verify.Options
	store   verifytest.Store // what a client has saved
	session *verify.Session  // of that client, who is still there
	lasting verifytest.Store // and its store
}

// atEachPosition plays a story at the top level, at depth 1 and at depth 3, in
// both forms of envelope.
func atEachPosition(t *testing.T, o verifytest.Options, story func(s *stage)) {
	t.Helper()
	for _, p := range positions {
		inBothForms(t, p.name, func(t *testing.T, form metadata.EnvelopeFormat) {
			o := o
			o.EnvelopeFormat = form
			story(newStage(t, o, p))
		})
	}
}

// everything are patterns for all paths of up to four segments.
var everything = []string{"*", "*/*", "*/*/*", "*/*/*/*"}

func newStage(t *testing.T, o verifytest.Options, p position) *stage {
	repo := verifytest.New(o)
	one := repo.Targets().Delegate(verifytest.Delegation{Name: "one", Paths: everything})
	two := one.Delegate(verifytest.Delegation{Name: "two", Paths: everything})
	two.Delegate(verifytest.Delegation{Name: "three", Paths: everything})
	for _, x := range []*verifytest.Role{two, one, repo.Targets()} {
		x.Delegate(verifytest.Delegation{Name: "fallback", Paths: everything}).AddTarget("app", []byte("fallback"))
	}
	s := &stage{T: t, position: p, repo: repo, store: verifytest.Store{}, options: verify.Options{EnvelopeFormat: o.EnvelopeFormat}}
	s.role().AddTarget("app", []byte("first"))
	repo.Publish()
	s.old = repo.Metadata().Clone()
	s.role().AddTarget("app", []byte("second"))
	repo.Publish()
	return s
}

func (s *stage) role() *verifytest.Role { return s.repo.Role(s.position.role) }

// name is the file name of the victim's newest version.
func (s *stage) name() string { return s.repo.FileName(s.position.role) }

// before is the victim's file of one version ago.
func (s *stage) before() []byte {
	return s.old[metadata.FileName(s.position.role, s.repo.Version(s.position.role)-1)]
}

// saved is the name of the victim's record.
func (s *stage) saved() string { return verify.RecordName(s.position.role) }

// meet has a client find the target while all is well, who is then there when
// things go wrong.
func (s *stage) meet() {
	s.Helper()
	s.session = s.begin(s.store)
	target, err := s.ask(s.session, s.store)
	require.NoError(s, err)
	require.Equal(s, s.position.role, target.Role)
	s.lasting = maps.Clone(s.store)
}

func (s *stage) begin(store verifytest.Store) *verify.Session {
	s.Helper()
	session, err := verify.New(s.repo.TrustedRoot(), verify.LoadStored(store.Load), s.repo.Now(), s.options)
	require.NoError(s, err)
	return session
}

func (s *stage) source() verify.Source {
	if s.mirror != nil {
		return s.mirror.Source()
	}
	return s.repo.Metadata().Source()
}

// ask looks "app" up, at the mirror unless told otherwise.
func (s *stage) ask(session *verify.Session, store verifytest.Store, sources ...verify.Source) (*verify.Target, error) {
	s.Helper()
	if len(sources) == 0 {
		sources = []verify.Source{s.source()}
	}
	l := session.Lookup("app")
	failure := session.Run(store, sources...)
	target, err := l.Target()
	if failure != nil {
		require.Error(s, err)
		late := session.Lookup("app") // R15: nothing is served after a failed cycle
		require.Error(s, session.Run(store, sources...))
		_, err := late.Target()
		require.ErrorIs(s, err, failure)
	}
	if err != nil {
		require.Nil(s, target)
	}
	return target, err
}

// who is a client that meets the attack.
type who struct {
	name    string
	store   verifytest.Store
	session *verify.Session
}

// clients are the one that has been there all along, a new run of it, and one
// that comes for the first time.
func (s *stage) clients() []who {
	s.Helper()
	require.NoError(s, s.session.Refresh(s.repo.Now()))
	again, first := maps.Clone(s.store), verifytest.Store{}
	return []who{{"refreshed", s.lasting, s.session}, {"run again", again, s.begin(again)}, {"first run", first, s.begin(first)}}
}

// mustRefuse says that no client takes the victim's file, or anything in its
// place, and that none of them saves it. With past, those are meant who
// remember what there was before; the others cannot know.
func (s *stage) mustRefuse(want error, past bool) {
	s.Helper()
	for _, c := range s.clients() {
		before, had := c.store[s.saved()]
		target, err := s.ask(c.session, c.store)
		if past && c.name == "first run" {
			require.NoError(s, err, c.name)
			continue
		}
		require.ErrorIs(s, err, want, c.name)
		require.Nil(s, target, c.name)
		after, has := c.store[s.saved()]
		require.Equal(s, had, has, c.name)
		require.Equal(s, before, after, "%s: what was refused is not saved", c.name)
	}
}

// mustAccept says that all clients take what the victim's newest file lists.
func (s *stage) mustAccept() {
	s.Helper()
	for _, c := range s.clients() {
		target, err := s.ask(c.session, c.store)
		require.NoError(s, err, c.name)
		require.Equal(s, s.position.role, target.Role, c.name)
		require.Equal(s, s.repo.Metadata()[s.name()], c.store[s.saved()], c.name)
	}
}

// delegate gives the victim other keys, and has these sign who are named, or
// those who should.
func (s *stage) delegate(threshold int, listed []*verifytest.Key, signers ...*verifytest.Key) {
	if s.delegator == "root" {
		s.repo.Rotate("targets", threshold, listed...)
	} else {
		s.repo.Role(s.delegator).Delegate(verifytest.Delegation{Name: s.position.role, Paths: everything, Keys: listed, Threshold: threshold})
	}
	s.repo.SignWith(s.position.role, signers...)
	s.repo.Publish()
}

// editSigners changes how the delegator lists the victim: its key IDs and
// threshold.
func (s *stage) editSigners(f func(entry, keys map[string]any)) {
	s.repo.Edit(s.delegator, func(signed map[string]any) {
		if s.delegator == "root" {
			f(signed["roles"].(map[string]any)["targets"].(map[string]any), signed["keys"].(map[string]any))
			return
		}
		d := signed["delegations"].(map[string]any)
		for _, entry := range d["roles"].([]any) {
			if entry := entry.(map[string]any); entry["name"] == s.position.role {
				f(entry, d["keys"].(map[string]any))
			}
		}
	})
}

// editPin changes what the snapshot lists for the victim.
func (s *stage) editPin(f func(info map[string]any)) {
	s.repo.Edit("snapshot", func(signed map[string]any) {
		f(signed["meta"].(map[string]any)[s.position.role+".json"].(map[string]any))
	})
}

// alone takes away the roles that the victim delegates to.
func (s *stage) alone() {
	for role, children := range map[string][]string{"targets": {"one", "fallback"}, "one": {"two", "fallback"}} {
		if role == s.position.role {
			for _, child := range children {
				s.role().Undelegate(child)
			}
		}
	}
}

// key returns the victim's key.
func (s *stage) key() *verifytest.Key { return s.repo.Keys(s.position.role)[0] }

// The stage itself: without an attack all clients are content at every
// position, and "app" is the victim's.
func TestStage(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *stage) {
		s.meet()
		s.mustAccept()
		require.NotEmpty(s, s.before())
		s.role().AddTarget("app", []byte("third"))
		s.repo.Publish()
		s.mustAccept()
	})
	// And it would notice: here is the fallback, in the place of what the
	// victim does not list.
	s := newStage(t, verifytest.Options{}, positions[1])
	s.role().RemoveTarget("app")
	s.repo.Publish()
	target, err := s.ask(s.begin(verifytest.Store{}), verifytest.Store{})
	require.NoError(t, err)
	require.Equal(t, "fallback", target.Role)
}
