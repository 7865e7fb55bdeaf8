package multirepo_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Short names for what a repository may answer.
const (
	noAnswer  = multirepo.NoAnswer
	uncertain = multirepo.Uncertain
	noTarget  = multirepo.NoTarget
	lists     = multirepo.Lists
	disagrees = multirepo.Disagrees
	agrees    = multirepo.Agrees
)

var (
	errDown = errors.New("connection refused")
	errFull = errors.New("disk full")
)

type files = map[string]string

var plain = verifytest.Options{}

// world is a map, the repositories that it names, and what a client of them
// has: trusted roots and stores.
type world struct {
	*testing.T
	entries []any
	repos   map[string]*verifytest.Repo
	start   map[string]multirepo.Repository
	stores  map[string]verify.Store
	options multirepo.Options
	down    map[string]bool // "repository" or "repository path": cannot be fetched
	ended   int             // outages
	asked   []string        // "repository path", in order
}

func newWorld(t *testing.T) *world {
	return &world{
		T:      t,
		repos:  map[string]*verifytest.Repo{},
		start:  map[string]multirepo.Repository{},
		stores: map[string]verify.Store{},
		down:   map[string]bool{},
	}
}

// pair is two repositories that must agree on x; everything else is a's.
func pair(t *testing.T) *world {
	w := newWorld(t)
	w.add("a", plain, files{"x": "same", "only-a": "a"})
	w.add("b", plain, files{"x": "same"})
	w.entry("x", "a,b", 2, true)
	w.entry("*", "a", 1, false)
	return w
}

// company is a private repository, which alone may answer for the company's
// names, and a public index for the rest.
func company(t *testing.T) *world {
	w := newWorld(t)
	private := w.add("private", plain, nil)
	team := private.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"acme/*"}})
	team.AddTarget("acme/billing-1.0.tgz", []byte("billing"))
	private.Publish()
	public := w.add("public", plain, files{"left-pad-1.0.tgz": "left-pad"})
	attacker := public.Targets().Delegate(verifytest.Delegation{Name: "anyone", Paths: []string{"acme/*"}})
	attacker.AddTarget("acme/billing-99.0.tgz", []byte("evil"))
	attacker.AddTarget("acme/billing-1.0.tgz", []byte("evil"))
	public.Publish()
	w.entry("acme/*", "private", 1, true)
	w.entry("*,*/*", "public", 1, false)
	return w
}

// agreedTarget returns the target of repositories that list x in these ways.
func agreedTarget(t *testing.T, threshold int, listings ...string) *multirepo.Target {
	t.Helper()
	w := newWorld(t)
	var names []string
	for i, listing := range listings {
		names = append(names, string(rune('a'+i)))
		list(w.add(names[i], plain, nil), listing)
	}
	w.entry("*", strings.Join(names, ","), threshold, false)
	target, _, err := w.find("x")
	require.NoError(t, err)
	return target
}

// add makes a repository. Each content is listed, by path, in the top-level
// role.
func (w *world) add(name string, o verifytest.Options, contents map[string]string) *verifytest.Repo {
	if o.Seed == "" {
		o.Seed = name
	}
	repo := verifytest.New(o)
	for path, content := range contents {
		repo.Targets().AddTarget(path, []byte(content))
	}
	repo.Publish()
	w.repos[name] = repo
	w.start[name] = multirepo.Repository{TrustedRoot: repo.TrustedRoot()}
	w.stores[name] = verifytest.Store{}
	return repo
}

// setOptions gives all sessions these options.
func (w *world) setOptions(o verify.Options) {
	for name, start := range w.start {
		start.Options = o
		w.start[name] = start
	}
}

// entry adds an entry to the map. Paths and repositories are lists with commas.
func (w *world) entry(paths, repositories string, threshold int, terminating bool) {
	split := func(s string) (l []any) {
		for _, part := range strings.Split(s, ",") {
			l = append(l, part)
		}
		return l
	}
	w.entries = append(w.entries, map[string]any{
		"paths":        split(paths),
		"repositories": split(repositories),
		"threshold":    int64(threshold),
		"terminating":  terminating,
	})
}

func (w *world) setTerminating(entry int, terminating bool) {
	w.entries[entry].(map[string]any)["terminating"] = terminating
}

func (w *world) theMap() *metadata.Map {
	w.Helper()
	repositories := map[string]any{}
	for name := range w.repos {
		repositories[name] = []any{"https://example.com"}
	}
	file := verifytest.Encode(map[string]any{"repositories": repositories, "mapping": w.entries}, "")
	m, err := metadata.ParseMap(file)
	require.NoError(w, err)
	return m
}

func (w *world) group() *multirepo.Group {
	w.Helper()
	for name, start := range w.start {
		start.Stored = verify.LoadStored(w.Context(), w.stores[name])
		w.start[name] = start
	}
	g, err := multirepo.New(w.theMap(), w.start, w.now(), w.options)
	require.NoError(w, err)
	return g
}

// stored is what the stores hold now.
func (w *world) stored() map[string]verify.Stored {
	stored := map[string]verify.Stored{}
	for name, store := range w.stores {
		stored[name] = verify.LoadStored(w.Context(), store)
	}
	return stored
}

// renew begins the next update, so much later than the repositories' time.
func (w *world) renew(g *multirepo.Group, later time.Duration) *multirepo.Group {
	w.Helper()
	next, err := g.Renew(w.stored(), w.now().Add(later))
	require.NoError(w, err)
	return next
}

func (w *world) now() (now time.Time) {
	for _, repo := range w.repos {
		if repo.Now().After(now) {
			now = repo.Now()
		}
	}
	return now
}

func (w *world) sources() map[string][]verify.Source {
	sources := map[string][]verify.Source{}
	for name, repo := range w.repos {
		sources[name] = []verify.Source{func(ctx context.Context, q verify.Request) ([]byte, error) {
			w.asked = append(w.asked, name+" "+q.Path)
			if w.down[name] || w.down[name+" "+q.Path] {
				return nil, errDown
			}
			return repo.Metadata().Source()(ctx, q)
		}}
	}
	return sources
}

// file returns the file that a request asks for, from its repository.
func (w *world) file(req verify.Request) ([]byte, error) {
	return w.repos[req.Repository].Metadata().Source()(w.Context(), req)
}

// answer answers a request with the file, or says that there is none.
func (w *world) answer(g *multirepo.Group, req verify.Request) {
	w.Helper()
	if data, err := w.file(req); err == nil {
		require.NoError(w, g.Provide(req.ID, data))
	} else {
		require.NoError(w, g.NotFound(req.ID))
	}
}

// answerOnly answers the requests of one repository until it is up to date.
// Those of the others stay open.
func (w *world) answerOnly(g *multirepo.Group, name string) {
	w.Helper()
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		for _, req := range b.Fetch {
			if req.Repository == name {
				w.answer(g, req)
			}
		}
	}
	require.NotZero(w, g.Version(name, metadata.RoleTargets))
	for _, req := range g.Outstanding() {
		require.NotEqual(w, name, req.Repository)
	}
}

// find looks one path up from the start, by Run, and by the loop with the
// answers of each round in reverse. Both must have the same result.
func (w *world) find(path string) (*multirepo.Target, *multirepo.Lookup, error) {
	w.Helper()
	g := w.group()
	l := g.Lookup(path)
	require.Equal(w, g.Run(w.Context(), w.stores, w.sources()), g.Err())
	target, err := l.Target()

	again := w.group()
	other := again.Lookup(path)
	w.drive(again)
	same, otherErr := other.Target()
	if err == nil {
		require.NoError(w, otherErr)
		require.Equal(w, target.Hashes, same.Hashes)
		require.Len(w, same.Attestations, len(target.Attestations))
	} else {
		require.Error(w, otherErr)
		require.Equal(w, err.Error(), otherErr.Error())
	}
	require.Equal(w, texts(l.Trail()), texts(other.Trail()))
	return target, l, err
}

// drive answers all requests, those of one round in reverse, and returns the
// number of rounds.
func (w *world) drive(g *multirepo.Group) (rounds int) {
	w.Helper()
	sources := w.sources()
	for {
		b, ok := g.Next()
		if !ok {
			return rounds
		}
		if len(b.Fetch) > 0 {
			rounds++
		}
		for _, req := range slices.Backward(b.Fetch) {
			data, err := sources[req.Repository][0](w.Context(), req)
			switch {
			case req.Optional && errors.Is(err, verify.ErrNotAtSource):
				require.NoError(w, g.NotFound(req.ID, err))
			case err != nil:
				cause := errors.New(strings.TrimPrefix(err.Error(), "source 1 of 1: "))
				require.NoError(w, g.Fail(req.ID, cause))
			default:
				if err := g.Provide(req.ID, data); err != nil {
					cause := errors.New("rejected: " + errors.Unwrap(err).Error())
					require.NoError(w, g.Fail(req.ID, cause))
				}
			}
		}
	}
}

// alone returns how many rounds one repository by itself needs for a path, if
// everything that is asked for together is fetched together.
func (w *world) alone(name, path string) (rounds int) {
	w.Helper()
	s, err := verify.New(w.start[name].TrustedRoot, verify.Stored{}, w.now(), w.start[name].Options)
	require.NoError(w, err)
	s.Lookup(path)
	for {
		b, ok := s.Next()
		if !ok {
			require.NoError(w, s.Err())
			return rounds
		}
		if len(b.Fetch) > 0 {
			rounds++
		}
		for _, req := range b.Fetch {
			if data, ok := w.repos[name].Metadata()[req.Path]; ok {
				require.NoError(w, s.Provide(req.ID, data))
			} else {
				require.NoError(w, s.NotFound(req.ID))
			}
		}
	}
}

// mustFind looks a path up that these repositories attest, with this content.
func (w *world) mustFind(path, content string, attesting ...string) *multirepo.Lookup {
	w.Helper()
	t, l, err := w.find(path)
	require.NoError(w, err)
	var names []string
	for _, a := range t.Attestations {
		names = append(names, a.Repository)
	}
	require.Equal(w, attesting, names)
	require.NoError(w, t.Copy(new(strings.Builder), strings.NewReader(content)))
	require.Error(w, t.Copy(new(strings.Builder), strings.NewReader(content+"!")))
	return l
}

// mustFail looks a path up for which there is this error, and none of the
// others.
func (w *world) mustFail(path string, want error) *multirepo.Lookup {
	w.Helper()
	t, l, err := w.find(path)
	require.ErrorIs(w, err, want)
	require.Nil(w, t)
	for _, other := range []error{
		verify.ErrNoTarget, verify.ErrUndecided, multirepo.ErrDisagreement, multirepo.ErrNoAnswer,
	} {
		if other != want {
			require.NotErrorIs(w, err, other)
		}
	}
	return l
}

// allErrors returns what everything returns that can say that a save failed, by
// name.
func (w *world) allErrors(g *multirepo.Group, lookups ...*multirepo.Lookup) map[string]error {
	all := map[string]error{
		"Err":  g.Err(),
		"Save": g.Save(w.Context(), verifytest.Store{}, []verify.Record{{Repository: "a", StoreName: "x"}}),
		"Run":  g.Run(w.Context(), w.stores, w.sources()),
	}
	for n := range uint64(3) {
		id := verify.RequestID{Repository: "a", Update: 1, Number: n}
		all[fmt.Sprint("Provide ", id)] = g.Provide(id, nil)
		all[fmt.Sprint("NotFound ", id)] = g.NotFound(id)
		all[fmt.Sprint("Fail ", id)] = g.Fail(id, nil)
	}
	late := g.Lookup("x")
	g.Next()
	for i, l := range append(lookups, late) {
		_, all[fmt.Sprint("lookup ", i)] = l.Target()
	}
	return all
}

func texts(trail []multirepo.Step) (list []string) {
	for _, step := range trail {
		list = append(list, step.String())
	}
	return list
}

// outcomes are those of the last entry that was asked.
func outcomes(l *multirepo.Lookup) (list []multirepo.Outcome) {
	trail := l.Trail()
	for _, a := range trail[len(trail)-1].Answers {
		list = append(list, a.Outcome)
	}
	return list
}

func digest(algorithm, content string) string {
	switch algorithm {
	case "sha256":
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	case "sha512":
		sum := sha512.Sum512([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	return digest("sha256", algorithm+content)[:32] // of some weak algorithm
}

// list makes a repository list the target x: "256:a 512:b md5:c" are the
// digests of three contents of one byte.
func list(repo *verifytest.Repo, listing string) {
	hashes := map[string]string{}
	length := int64(1)
	for _, part := range strings.Fields(listing) {
		name, content, _ := strings.Cut(part, ":")
		switch name {
		case "length":
			length = int64(len(content))
			continue
		case "256", "512":
			name = "sha" + name
		case "256upper":
			hashes["sha256"] = strings.ToUpper(digest("sha256", content))
			continue
		}
		hashes[name] = digest(name, content)
	}
	repo.Targets().AddTargetInfo("x", length, hashes)
	repo.Publish()
}

// badStore is a store that cannot be written to.
type badStore struct {
	verifytest.Store
	err error
}

func (s badStore) Save(context.Context, verify.Record) error { return s.err }

// lockable is a store that several processes share. It notes whether it is
// locked.
type lockable struct {
	verifytest.Store
	locked bool
	locks  int
	t      *testing.T
}

func (s *lockable) Lock(context.Context) (unlock func(), err error) {
	require.False(s.t, s.locked)
	s.locked = true
	s.locks++
	return func() { s.locked = false }, nil
}

func (s *lockable) Save(ctx context.Context, rec verify.Record) error {
	require.True(s.t, s.locked, "saved without the lock")
	return s.Store.Save(ctx, rec)
}

// fullDisk is a file that cannot be written to.
type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.err }
