package multirepo_test

import (
	"errors"
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

// world is a map, the repositories that it names, and what a client of them
// has: anchors and stores.
type world struct {
	*testing.T
	entries []any
	repos   map[string]*verifytest.Repo
	start   map[string]multirepo.Repository
	stores  map[string]verify.Store
	options multirepo.Options
	down    map[string]bool // nobody answers for these
	asked   []string        // "repository path", in order
}

func newWorld(t *testing.T) *world {
	return &world{T: t, repos: map[string]*verifytest.Repo{}, start: map[string]multirepo.Repository{}, stores: map[string]verify.Store{}, down: map[string]bool{}}
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
	w.repos[name], w.start[name], w.stores[name] = repo, multirepo.Repository{TrustedRoot: repo.TrustedRoot()}, verifytest.Store{}
	return repo
}

// entry adds an entry to the map. Options are a comma-separated list of paths
// and repositories.
func (w *world) entry(paths, repositories string, threshold int, terminating bool) {
	list := func(s string) (l []any) {
		for _, part := range strings.Split(s, ",") {
			l = append(l, part)
		}
		return l
	}
	w.entries = append(w.entries, map[string]any{"paths": list(paths), "repositories": list(repositories), "threshold": int64(threshold), "terminating": terminating})
}

func (w *world) theMap() *metadata.Map {
	w.Helper()
	repositories := map[string]any{}
	for name := range w.repos {
		repositories[name] = []any{"https://example.com"}
	}
	m, err := metadata.ParseMap(verifytest.Encode(map[string]any{"repositories": repositories, "mapping": w.entries}, ""))
	require.NoError(w, err)
	return m
}

func (w *world) group() *multirepo.Group {
	w.Helper()
	for name, start := range w.start {
		start.Stored = verify.LoadStored(w.stores[name].Load)
		w.start[name] = start
	}
	g, err := multirepo.New(w.theMap(), w.start, w.now(), w.options)
	require.NoError(w, err)
	return g
}

func (w *world) now() (now time.Time) {
	for _, repo := range w.repos {
		if repo.Now().After(now) {
			now = repo.Now()
		}
	}
	return now
}

var errDown = errors.New("connection refused")

func (w *world) sources() map[string][]verify.Source {
	sources := map[string][]verify.Source{}
	for name, repo := range w.repos {
		sources[name] = []verify.Source{func(q verify.Request) ([]byte, error) {
			w.asked = append(w.asked, name+" "+q.Path)
			if w.down[name] {
				return nil, errDown
			}
			return repo.Metadata().Source()(q)
		}}
	}
	return sources
}

// find looks one path up from the start, by Run, and by the loop with the
// answers of each round in reverse: both must say the same.
func (w *world) find(path string) (*multirepo.Target, *multirepo.Lookup, error) {
	w.Helper()
	g := w.group()
	l := g.Lookup(path)
	_ = g.Run(w.stores, w.sources())
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
			data, err := sources[req.Repository][0](req.Request)
			switch {
			case req.Optional && errors.Is(err, verify.ErrNotAtSource):
				require.NoError(w, g.NotFound(req.ID))
			case err != nil:
				require.NoError(w, g.Fail(req.ID, errors.New(strings.TrimPrefix(err.Error(), "source 1 of 1: "))))
			default:
				if err := g.Provide(req.ID, data); err != nil {
					require.NoError(w, g.Fail(req.ID, errors.New("rejected: "+errors.Unwrap(err).Error())))
				}
			}
		}
	}
}

func (w *world) mustFind(path, content string, vouchers ...string) *multirepo.Lookup {
	w.Helper()
	t, l, err := w.find(path)
	require.NoError(w, err)
	var names []string
	for _, v := range t.Attestations {
		names = append(names, v.Repository)
	}
	require.Equal(w, vouchers, names)
	require.NoError(w, t.Copy(new(strings.Builder), strings.NewReader(content)))
	require.Error(w, t.Copy(new(strings.Builder), strings.NewReader(content+"!")))
	return l
}

func (w *world) mustFail(path string, want error) *multirepo.Lookup {
	w.Helper()
	t, l, err := w.find(path)
	require.ErrorIs(w, err, want)
	require.Nil(w, t)
	for _, other := range []error{verify.ErrNoTarget, multirepo.ErrDisagreement, multirepo.ErrNoAnswer} {
		if other != want {
			require.NotErrorIs(w, err, other)
		}
	}
	return l
}

func texts(trail []multirepo.Step) (list []string) {
	for _, step := range trail {
		list = append(list, step.String())
	}
	return list
}

// verdicts are those of the last entry that was asked.
func verdicts(l *multirepo.Lookup) (list []multirepo.Outcome) {
	trail := l.Trail()
	for _, a := range trail[len(trail)-1].Answers {
		list = append(list, a.Outcome)
	}
	return list
}
