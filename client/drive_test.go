package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// mirror is a source of a test: it serves files, as its rules have it.
type mirror struct {
	name  string
	files func() verifytest.Files

	mu      sync.Mutex
	rule    func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error)
	asked   []string
	at      int // requests that are open
	atOnce  int // the highest number of them
	latency time.Duration
}

func newMirror(name string, repo *verifytest.Repo) *mirror {
	return &mirror{name: name, files: repo.Metadata}
}

func (m *mirror) Name() string { return m.name }

func (m *mirror) Fetch(ctx context.Context, req verify.Request) ([]byte, error) {
	m.mu.Lock()
	m.asked = append(m.asked, req.Path)
	m.at++
	m.atOnce = max(m.atOnce, m.at)
	rule := m.rule
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.at--
		m.mu.Unlock()
	}()
	if m.latency > 0 {
		if err := sleep(ctx, m.latency); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	body, err := m.files().Source()(ctx, req)
	m.mu.Unlock()
	if rule != nil {
		return rule(ctx, req, body, err)
	}
	return body, err
}

func (m *mirror) paths() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

func (m *mirror) set(rule func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rule = rule
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rules of mirrors.

var errDown = errors.New("connection refused")

func down(context.Context, verify.Request, []byte, error) ([]byte, error) { return nil, errDown }

func silent(ctx context.Context, _ verify.Request, _ []byte, _ error) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func late(ctx context.Context, _ verify.Request, body []byte, err error) ([]byte, error) {
	if err := sleep(ctx, time.Second); err != nil {
		return nil, err
	}
	return body, err
}

func junk(context.Context, verify.Request, []byte, error) ([]byte, error) {
	return []byte("<html>"), nil
}

// only applies a rule to the files of some paths.
func only(
	rule func(context.Context, verify.Request, []byte, error) ([]byte, error), paths ...string,
) func(context.Context, verify.Request, []byte, error) ([]byte, error) {
	return func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
		if slices.Contains(paths, req.Path) {
			return rule(ctx, req, body, err)
		}
		return body, err
	}
}

func sources(list ...*mirror) func(string) []Source {
	all := make([]Source, len(list))
	for i, m := range list {
		all[i] = m
	}
	return func(string) []Source { return all }
}

// teamRepo has a target in a delegated role.
func teamRepo() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	team := repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app", []byte("hello"))
	repo.Targets().AddTarget("top", []byte("top"))
	repo.Publish()
	return repo
}

// manyRoots is teamRepo with so many roots more.
func manyRoots(n int) *verifytest.Repo {
	repo := teamRepo()
	for range n {
		repo.Rotate("root", 1, repo.Key("root"))
		repo.PublishOnly("root")
	}
	repo.Publish()
	return repo
}

func newSession(t *testing.T, repo *verifytest.Repo, store verify.Store, o verify.Options) *verify.Session {
	t.Helper()
	s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(t.Context(), store), repo.Now(), o)
	require.NoError(t, err)
	return s
}

func ahead(n int) verify.Options { return verify.Options{Lookahead: n} }

// events collects them.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) observe(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func of[T Event](e *events) (list []T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.list {
		if event, ok := event.(T); ok {
			list = append(list, event)
		}
	}
	return list
}

func TestDriveUpdatesAndSaves(t *testing.T) {
	for _, lookahead := range []int{0, 64} {
		t.Run(fmt.Sprint("lookahead ", lookahead), func(t *testing.T) {
			repo := teamRepo()
			store, m, seen := NewMemory(), newMirror("a", repo), &events{}
			s := newSession(t, repo, store, ahead(lookahead))
			app, no := s.Lookup("team/app"), s.Lookup("nothing")
			config := DriveConfig{
				Sources: sources(m), Store: func(string) verify.Store { return store }, Observe: seen.observe,
			}
			require.NoError(t, Drive(t.Context(), s, config))
			target, err := app.Target()
			require.NoError(t, err)
			require.NoError(t, target.Check([]byte("hello")))
			_, err = no.Target()
			require.ErrorIs(t, err, verify.ErrNoTarget)
			require.Empty(t, m.at)
			require.Len(t, of[Request](seen), len(m.paths()))
			require.Len(t, of[Answer](seen), len(m.paths()))
			require.NotEmpty(t, of[Saved](seen))

			// The next session finds all but the newest files in the store.
			before := len(m.paths())
			s = newSession(t, repo, store, ahead(lookahead))
			s.Lookup("team/app")
			require.NoError(t, Drive(t.Context(), s, config))
			require.ElementsMatch(t, []string{"2.root.json", "timestamp.json"}, m.paths()[before:])
		})
	}
}

// The mirror that is down, or sends junk, costs nothing if another one answers.
func TestDriveGoesToTheNextSource(t *testing.T) {
	for name, rule := range map[string]func(context.Context, verify.Request, []byte, error) ([]byte, error){
		"down": down, "junk": junk,
		"absent": func(context.Context, verify.Request, []byte, error) ([]byte, error) {
			return nil, verify.ErrNotAtSource
		},
	} {
		for _, lookahead := range []int{0, 64} {
			t.Run(fmt.Sprint(name, lookahead), func(t *testing.T) {
				repo := teamRepo()
				bad, good, seen := newMirror("bad", repo), newMirror("good", repo), &events{}
				bad.rule = rule
				s := newSession(t, repo, nil, ahead(lookahead))
				app := s.Lookup("team/app")
				require.NoError(t, Drive(t.Context(), s, DriveConfig{Sources: sources(bad, good), Observe: seen.observe}))
				_, err := app.Target()
				require.NoError(t, err)
				for _, r := range of[Rejected](seen) {
					require.Equal(t, "bad", r.Source)
					require.ErrorIs(t, r.Err, verify.ErrSyntax)
				}
				if name == "junk" {
					require.NotEmpty(t, of[Rejected](seen))
					// A source that sent a bad file is not asked for it
					// again.
					paths := bad.paths()
					slices.Sort(paths)
					require.Len(t, slices.Compact(slices.Clone(paths)), len(paths), "%v", paths)
				}
			})
		}
	}
}

func TestDriveSaysWhatEachSourceSaid(t *testing.T) {
	repo := teamRepo()
	a, b := newMirror("a.example", repo), newMirror("b.example", repo)
	a.rule, b.rule = only(down, "timestamp.json"), only(junk, "timestamp.json")
	s := newSession(t, repo, nil, verify.Options{})
	err := Drive(t.Context(), s, DriveConfig{Sources: sources(a, b)})
	require.Equal(t, verify.KindWrongBytes, verify.KindOf(err))
	require.ErrorIs(t, err, errDown)
	require.ErrorContains(t, err, "timestamp.json could not be fetched: "+
		"a.example: connection refused; b.example: sent a web page")

	s = newSession(t, repo, nil, verify.Options{})
	err = Drive(t.Context(), s, DriveConfig{})
	require.ErrorIs(t, err, errNoSource)
}

// F10: one of several mirrors cannot deny everything by being silent, or by
// junk, when the others say that there is no newer root.
func TestDriveRootGrace(t *testing.T) {
	tests := map[string]struct {
		rule   func(context.Context, verify.Request, []byte, error) ([]byte, error)
		config DriveConfig
		took   time.Duration
		fails  bool
	}{
		"silent":            {rule: silent, took: DefaultRootGrace},
		"silent, less time": {rule: silent, config: DriveConfig{RootGrace: time.Second}, took: time.Second},
		"silent, no time":   {rule: silent, config: DriveConfig{RootGrace: -1}},
		"junk":              {rule: junk},
		"down":              {rule: down},
		"down, every":       {rule: down, config: DriveConfig{EverySource: true}, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				repo := teamRepo()
				liar, honest := newMirror("liar", repo), newMirror("honest", repo)
				liar.rule = only(test.rule, "2.root.json")
				s := newSession(t, repo, nil, verify.Options{EverySource: test.config.EverySource})
				test.config.Sources = sources(liar, honest)
				began := time.Now()
				err := Drive(t.Context(), s, test.config)
				if test.fails {
					require.ErrorIs(t, err, errDown)
					return
				}
				require.NoError(t, err)
				require.Equal(t, test.took, time.Since(began))
				require.Len(t, s.Warnings(), 1)
				require.ErrorIs(t, s.Warnings()[0], verify.ErrUnconfirmed)
				require.ErrorContains(t, s.Warnings()[0], "liar: ")
			})
		})
	}
}

// With EverySource the answer of a slow one is waited for.
func TestDriveEverySourceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := teamRepo()
		fast, slow := newMirror("fast", repo), newMirror("slow", repo)
		slow.latency = 2 * DefaultRootGrace
		s := newSession(t, repo, nil, verify.Options{EverySource: true})
		require.NoError(t, Drive(t.Context(), s, DriveConfig{Sources: sources(fast, slow), EverySource: true}))
		require.Empty(t, s.Warnings())
	})
}

// A root that comes in time counts, although another source has none.
func TestDriveTakesTheRootThatOneSourceHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := teamRepo()
		behind, slow := newMirror("behind", repo), newMirror("slow", repo)
		old := repo.Metadata().Clone()
		behind.files = func() verifytest.Files { return old }
		repo.Rotate("root", 1, repo.Key("new"))
		repo.Publish()
		slow.latency = 2 * time.Second
		s := newSession(t, repo, nil, verify.Options{})
		require.NoError(t, Drive(t.Context(), s, DriveConfig{Sources: sources(behind, slow)}))
		require.Equal(t, repo.Version("root"), s.Version("root"))
	})
}

// No source has more than its share, and all together no more than Parallel.
func TestDriveIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().DelegateBins("bins", 64)
		repo.Publish()
		for _, test := range []struct{ parallel, perSource, want int }{{0, 0, 6}, {4, 0, 4}, {16, 2, 2}, {1, 1, 1}} {
			m := newMirror("a", repo)
			m.latency = time.Second
			s := newSession(t, repo, nil, ahead(64))
			for i := range 100 {
				s.Lookup(fmt.Sprint("file", i))
			}
			config := DriveConfig{Sources: sources(m), Parallel: test.parallel, PerSource: test.perSource}
			require.NoError(t, Drive(t.Context(), s, config))
			require.Equal(t, test.want, m.atOnce)
			require.Zero(t, m.at)
		}
	})
}

// Silent mirrors cannot take all slots: each has its share.
func TestDriveSilentSourcesLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := manyRoots(30)
		var list []*mirror
		for i := range 5 {
			m := newMirror(fmt.Sprint("silent", i), repo)
			m.rule = func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
				if req.Role == metadata.RoleRoot {
					return silent(ctx, req, body, err)
				}
				return body, err
			}
			list = append(list, m)
		}
		list = append(list, newMirror("honest", repo))
		s := newSession(t, repo, nil, ahead(64))
		began := time.Now()
		require.NoError(t, Drive(t.Context(), s, DriveConfig{Sources: sources(list...)}))
		require.Equal(t, DefaultRootGrace, time.Since(began)) // once, at the end
		require.Equal(t, repo.Version("root"), s.Version("root"))
	})
}

// The requests of a repository that is silent leave room for the others.
func TestDriveSilentRepositoryLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, private, public := twoRepos(t)
		a, b := newMirror("a", private), newMirror("b", public)
		a.rule = silent
		o := ahead(64)
		g, err := multirepo.New(m, map[string]multirepo.Repository{
			"private": {TrustedRoot: private.TrustedRoot(), Options: o},
			"public":  {TrustedRoot: public.TrustedRoot(), Options: o},
		}, private.Now(), multirepo.Options{})
		require.NoError(t, err)
		l := g.Lookup("lib")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, Drive(ctx, g, DriveConfig{
			Sources: func(repository string) []Source {
				return map[string][]Source{"private": {a}, "public": {b}}[repository]
			},
			Until:    func() bool { _, err := l.Target(); return !errors.Is(err, verify.ErrPending) },
			Parallel: 2,
		}))
		_, err = l.Target()
		require.NoError(t, err)
	})
}

// Requests ahead are cancelled when nobody needs them any more.
func TestDriveCancelsWhatIsNotWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := manyRoots(3)
		m, open := newMirror("a", repo), 0
		m.rule = func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			switch {
			case req.Role == metadata.RoleRoot && req.Version > 5:
				return silent(ctx, req, body, err)
			case req.Role == metadata.RoleRoot && req.Version == 5:
				_ = sleep(ctx, time.Second)
				m.mu.Lock()
				open = m.at
				m.mu.Unlock()
			case req.Role == metadata.RoleSnapshot:
				_ = sleep(ctx, time.Second)
				m.mu.Lock()
				require.Equal(t, 1, m.at)
				m.mu.Unlock()
			}
			return body, err
		}
		s := newSession(t, repo, nil, ahead(64))
		require.NoError(t, Drive(t.Context(), s, DriveConfig{Sources: sources(m)}))
		require.Greater(t, open, 1)
	})
}

// A Drive whose context ends leaves the requests open: another one goes on.
func TestDriveGoesOnAfterItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := teamRepo()
		m := newMirror("a", repo)
		m.rule = only(silent, "timestamp.json")
		s := newSession(t, repo, nil, ahead(64))
		app := s.Lookup("team/app")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		seen := &events{}
		err := Drive(ctx, s, DriveConfig{Sources: sources(m), Observe: seen.observe})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, of[Answer](seen), len(of[Request](seen)))
		require.Zero(t, m.at) // no worker is left
		require.NotEmpty(t, s.Outstanding())
		require.ErrorIs(t, s.Err(), verify.ErrInProgress)

		m.set(nil)
		require.NoError(t, Drive(t.Context(), s, DriveConfig{Sources: sources(m)}))
		_, err = app.Target()
		require.NoError(t, err)
	})
}

type fullStore struct{ *Memory }

func (fullStore) Save(context.Context, verify.Record) error { return errors.New("disk full") }

func TestDriveEndsWhenASaveFails(t *testing.T) {
	repo := teamRepo()
	store := fullStore{NewMemory()}
	s := newSession(t, repo, store, ahead(64))
	err := Drive(t.Context(), s, DriveConfig{
		Sources: sources(newMirror("a", repo)), Store: func(string) verify.Store { return store },
	})
	require.ErrorIs(t, err, verify.ErrSave)
	require.Equal(t, verify.KindStore, verify.KindOf(err))
}

func twoRepos(t *testing.T) (m *metadata.Map, private, public *verifytest.Repo) {
	t.Helper()
	private = verifytest.New(verifytest.Options{Seed: "private"})
	private.Targets().AddTarget("app", []byte("app"))
	private.Publish()
	public = verifytest.New(verifytest.Options{Seed: "public"})
	public.Targets().AddTarget("lib", []byte("lib"))
	public.Publish()
	return parseMap(t, `{"repositories": {"private": ["https://a"], "public": ["https://b"]}, "mapping": [
		{"paths": ["app"], "repositories": ["private"], "threshold": 1, "terminating": true},
		{"paths": ["*"], "repositories": ["public"], "threshold": 1, "terminating": true}]}`), private, public
}

func parseMap(t *testing.T, text string) *metadata.Map {
	t.Helper()
	m, err := metadata.ParseMap([]byte(text))
	require.NoError(t, err)
	return m
}

// A lookup that is done does not wait for a repository that nobody asked.
func TestDriveGroupUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, private, public := twoRepos(t)
		a, b := newMirror("a", private), newMirror("b", public)
		b.rule = silent
		g, err := multirepo.New(m, map[string]multirepo.Repository{
			"private": {TrustedRoot: private.TrustedRoot()}, "public": {TrustedRoot: public.TrustedRoot()},
		}, private.Now(), multirepo.Options{})
		require.NoError(t, err)
		stores := map[string]verify.Store{"private": NewMemory(), "public": NewMemory()}
		l := g.Lookup("app")
		began := time.Now()
		err = Drive(t.Context(), g, DriveConfig{
			Store: func(repository string) verify.Store { return stores[repository] },
			Sources: func(repository string) []Source {
				return map[string][]Source{"private": {a}, "public": {b}}[repository]
			},
			Until: func() bool { _, err := l.Target(); return !errors.Is(err, verify.ErrPending) },
		})
		require.NoError(t, err)
		_, err = l.Target()
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
		require.Zero(t, b.at)
	})
}

// packed is a source that names an encoding.
type packed struct {
	*mirror
	rejected int
}

func (p *packed) FetchBody(ctx context.Context, req verify.Request) (*Body, error) {
	data, err := p.Fetch(ctx, req)
	if err != nil {
		return nil, err
	}
	b := newBody(clienttest.Gzip(data), []string{"gzip"}, req.MaxBytes)
	b.rejected = func() { p.rejected++ }
	return b, nil
}

// F12: what a body unpacks to is judged if the bytes as sent are not good, also
// if they were held back.
func TestDriveUnpacks(t *testing.T) {
	for _, lookahead := range []int{0, 64} {
		synctest.Test(t, func(t *testing.T) {
			repo := teamRepo()
			p, seen := &packed{mirror: newMirror("packed", repo)}, &events{}
			p.rule = only(late, "2.root.json")
			s := newSession(t, repo, nil, ahead(lookahead))
			app := s.Lookup("team/app")
			config := DriveConfig{Sources: func(string) []Source { return []Source{p} }, Observe: seen.observe}
			require.NoError(t, Drive(t.Context(), s, config))
			_, err := app.Target()
			require.NoError(t, err)
			require.Zero(t, p.rejected)
			require.Empty(t, of[Rejected](seen))
		})
	}
}

// A body that was held back, and proved bad when its turn came, counts against
// the source that sent it, once.
func TestDriveCountsBodiesHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := teamRepo()
		liar, honest, seen := &packed{mirror: newMirror("liar", repo)}, newMirror("honest", repo), &events{}
		plain := &plainBody{liar}
		liar.rule, honest.rule = only(junk, "timestamp.json"), only(late, "2.root.json")
		s := newSession(t, repo, nil, verify.Options{Lookahead: 64, EverySource: true})
		config := DriveConfig{
			Sources: func(string) []Source { return []Source{plain, honest} }, Observe: seen.observe, EverySource: true,
		}
		require.NoError(t, Drive(t.Context(), s, config))
		require.Equal(t, 1, liar.rejected)
		require.Len(t, of[Rejected](seen), 1)
		require.Equal(t, "liar", of[Rejected](seen)[0].Source)
		require.Equal(t, "timestamp.json", of[Rejected](seen)[0].Path)
		require.True(t, of[Rejected](seen)[0].Ahead)
		n := 0
		for _, path := range liar.paths() {
			if path == "timestamp.json" {
				n++
			}
		}
		require.Equal(t, 1, n, "it is not asked for it again")
	})
}

// plainBody is a source without an encoding that wants to know of rejections.
type plainBody struct{ *packed }

func (p *plainBody) FetchBody(ctx context.Context, req verify.Request) (*Body, error) {
	data, err := p.Fetch(ctx, req)
	if err != nil {
		return nil, err
	}
	b := newBody(data, nil, req.MaxBytes)
	b.rejected = func() { p.rejected++ }
	return b, nil
}

func (m *mirror) serve(files func() verifytest.Files) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files = files
}
