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

// What a caller in a hurry gets wrong ends in an error, and mostly before the
// first request.

func pair(t *testing.T) *world {
	w := newWorld(t)
	w.add("a", plain, files{"x": "same", "only-a": "a"})
	w.add("b", plain, files{"x": "same"})
	w.entry("x", "a,b", 2, true)
	w.entry("*", "a", 1, false)
	return w
}

func TestNewRefuses(t *testing.T) {
	w := pair(t)
	m := w.theMap()
	other := w.add("stranger", plain, nil)
	delete(w.repos, "stranger")
	good := func() map[string]multirepo.Repository {
		return map[string]multirepo.Repository{"a": w.start["a"], "b": w.start["b"]}
	}
	for name, c := range map[string]struct {
		m          *metadata.Map
		change     func(map[string]multirepo.Repository)
		repository string
		want       string
	}{
		"nothing for one": {m, func(r map[string]multirepo.Repository) { delete(r, "b") }, "b", "nothing is given for it"},
		"nothing at all":  {m, func(r map[string]multirepo.Repository) { clear(r) }, "a", "nothing is given for it"},
		"no anchor":       {m, func(r map[string]multirepo.Repository) { r["a"] = multirepo.Repository{} }, "a", "there is no anchor"},
		"an anchor that is no root": {m, func(r map[string]multirepo.Repository) {
			r["a"] = multirepo.Repository{TrustedRoot: w.repos["a"].Metadata()["timestamp.json"]}
		}, "a", `found "timestamp", want "root"`},
		"not in the map": {m, func(r map[string]multirepo.Repository) {
			r["stranger"] = multirepo.Repository{TrustedRoot: other.TrustedRoot()}
		}, "stranger", "it is not in the map"},
		"in other letters":         {m, func(r map[string]multirepo.Repository) { r["A"] = r["a"] }, "A", "it is not in the map"},
		"no map":                   {nil, func(map[string]multirepo.Repository) {}, "a", "it is not in the map"},
		"no map, and nothing else": {nil, func(r map[string]multirepo.Repository) { clear(r) }, "", "the map is empty"},
		"an empty map":             {new(metadata.Map), func(r map[string]multirepo.Repository) { clear(r) }, "", "the map is empty"},
	} {
		repositories := good()
		c.change(repositories)
		g, err := multirepo.New(c.m, repositories, w.now(), multirepo.Options{})
		require.Nil(t, g, name)
		require.ErrorIs(t, err, multirepo.ErrMap, name)
		require.ErrorContains(t, err, c.want, name)
		var about *multirepo.RepositoryError
		if c.repository == "" {
			require.False(t, errors.As(err, &about), name)
			continue
		}
		require.ErrorAs(t, err, &about, name)
		require.Equal(t, c.repository, about.Repository, name)
	}
	_, err := multirepo.New(m, good(), time.Time{}, multirepo.Options{})
	require.ErrorIs(t, err, verify.ErrTime)
	_, err = multirepo.New(m, good(), w.now(), multirepo.Options{})
	require.NoError(t, err)
}

// The zero time is the caller's mistake, and nobody's anchor or map.
func TestZeroTime(t *testing.T) {
	w := pair(t)
	for _, m := range []*metadata.Map{w.theMap(), nil} {
		g, err := multirepo.New(m, w.start, time.Time{}, multirepo.Options{})
		require.Nil(t, g)
		require.EqualError(t, err, verify.ErrTime.Error()+": the zero time")
		require.ErrorIs(t, err, verify.ErrTime)
		require.NotErrorIs(t, err, multirepo.ErrMap)
	}
}

// An anchor of one repository for another one is found out by its signatures:
// that one is silent, and nothing of it is saved.
func TestAnchorsInTheWrongPlaces(t *testing.T) {
	w := pair(t)
	w.start["a"], w.start["b"] = w.start["b"], w.start["a"]
	w.mustFail("x", multirepo.ErrNoAnswer)
	require.Empty(t, w.stores["a"])
	require.Empty(t, w.stores["b"])
}

// IDs are the group's own: unique, in every answer and every error, and an
// answer for one repository is none for another.
func TestRequestIDs(t *testing.T) {
	w := pair(t)
	w.add("c", plain, nil)
	w.entry("c", "c", 1, false)
	g := w.group()
	g.Lookup("x")
	seen := map[verify.RequestID]string{}
	var request *verify.RequestError
	for _, id := range []verify.RequestID{0, 1, 2, 3, 4, 1 << 40} { // nothing has been handed out
		for _, err := range []error{g.Provide(id, nil), g.NotFound(id), g.Fail(id, nil)} {
			require.ErrorAs(t, err, &request)
			require.Equal(t, id, request.ID)
		}
	}
	for {
		b, ok := g.Next()
		if !ok {
			break
		}
		require.Subset(t, g.Outstanding(), b.Fetch)
		for _, req := range b.Fetch {
			key := req.Repository + " " + req.Path
			require.Empty(t, seen[req.ID], key)
			seen[req.ID] = key
			for _, other := range []string{"a", "b", "c"} { // another repository's file is no answer
				if data, err := w.repos[other].Metadata().Source()(req.Request); err == nil && other != req.Repository {
					var reject *verify.RejectError
					err := g.Provide(req.ID, data)
					require.ErrorAs(t, err, &reject)
					require.Equal(t, req.Request, reject.Request)
				}
			}
			data, err := w.repos[req.Repository].Metadata().Source()(req.Request)
			if err != nil {
				require.NoError(t, g.NotFound(req.ID))
			} else {
				require.NoError(t, g.Provide(req.ID, data))
			}
			err = g.Fail(req.ID, errors.New("too late"))
			require.ErrorIs(t, err, verify.ErrRequest)
			require.ErrorContains(t, err, "is done")
		}
	}
	require.NoError(t, g.Err())
	require.Empty(t, g.Outstanding())
	require.Len(t, seen, 12)
}

// ID 0 is no request's, however many repositories there are.
func TestRequestIDZero(t *testing.T) {
	one := newWorld(t)
	one.add("a", plain, nil)
	one.entry("*", "a", 1, true)
	for _, w := range []*world{one, pair(t)} {
		g := w.group()
		for _, err := range []error{g.Provide(0, nil), g.NotFound(0), g.Fail(0, nil)} {
			require.ErrorIs(t, err, verify.ErrRequest)
			require.ErrorContains(t, err, "ID 0 is never used")
		}
	}
}

// Rejected bodies that had been kept ahead come with the repository and the ID
// of the request that they were provided for.
func TestRejectedAhead(t *testing.T) {
	w := pair(t)
	for name, start := range w.start {
		start.Options = verify.Options{Lookahead: 8}
		w.start[name] = start
	}
	g := w.group()
	g.Lookup("x")
	ahead := map[verify.RequestID]string{}
	rejected := 0
	for {
		b, ok := g.Next()
		if !ok {
			break
		}
		for _, r := range b.Rejected {
			require.Equal(t, ahead[r.Request.ID], r.Repository+" "+r.Request.Path)
			require.Error(t, r.Err)
			rejected++
		}
		for _, req := range slices.Backward(b.Fetch) { // the timestamp before the root that decides about it
			data, err := w.repos[req.Repository].Metadata().Source()(req.Request)
			if err != nil {
				require.NoError(t, g.NotFound(req.ID))
				continue
			}
			if req.Ahead && req.Role == "timestamp" {
				ahead[req.ID] = req.Repository + " " + req.Path
				data = []byte("junk")
			}
			require.NoError(t, g.Provide(req.ID, data))
		}
	}
	require.Equal(t, 2, rejected)
	require.NoError(t, g.Err())
}

// Nothing is served before it is handed out; what is not saved is not used.
func TestPendingAndAbandoned(t *testing.T) {
	w := pair(t)
	g := w.group()
	l, unmapped := g.Lookup("x"), g.Lookup("un/mapped")
	for _, lookup := range []*multirepo.Lookup{l, unmapped} {
		_, err := lookup.Target()
		require.ErrorIs(t, err, verify.ErrPending)
		require.Nil(t, lookup.Trail())
	}
	require.Equal(t, "x", l.Path())
	require.ErrorIs(t, g.Err(), verify.ErrInProgress)
	require.ErrorIs(t, g.Refresh(w.now().Add(time.Hour)), verify.ErrInProgress)
	var last multirepo.Batch
	for l2 := l; ; {
		b, ok := g.Next()
		require.True(t, ok)
		for _, req := range b.Fetch {
			data, err := w.repos[req.Repository].Metadata().Source()(req.Request)
			if err != nil {
				require.NoError(t, g.NotFound(req.ID))
			} else {
				require.NoError(t, g.Provide(req.ID, data))
			}
		}
		if last = b; len(b.Done) > 0 && b.Done[len(b.Done)-1] == l2 {
			break
		}
	}
	require.NotEmpty(t, last.Save, "the files that it rests on come with it")
	_, err := l.Target()
	require.NoError(t, err)
	full := errors.New("disk full")
	g.Abandon(full)
	late, nobodys := g.Lookup("x"), g.Lookup("un/mapped")
	_, ok := g.Next()
	require.True(t, ok)
	require.ErrorIs(t, g.Err(), verify.ErrSave)
	for _, lookup := range []*multirepo.Lookup{l, late, nobodys} {
		_, err := lookup.Target()
		require.Equal(t, g.Err(), err, "and nothing of silence or of absence")
	}
	require.ErrorIs(t, g.Err(), full)
	require.ErrorIs(t, g.Refresh(w.now()), full)
	require.ErrorIs(t, g.Run(w.stores, w.sources()), full)
	require.ErrorIs(t, g.Provide(1, nil), full)
}

// One store that cannot be written to ends the whole group, by Run as well.
func TestRunWithABadStore(t *testing.T) {
	w := pair(t)
	full := errors.New("disk full")
	g := w.group()
	w.stores["b"] = badStore{verifytest.Store{}, full}
	l := g.Lookup("only-a")
	err := g.Run(w.stores, w.sources())
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, err, verify.ErrSave)
	require.ErrorContains(t, err, `repository "b"`)
	_, err = l.Target()
	require.ErrorIs(t, err, full, "although b's word is not needed for it")
}

type badStore struct {
	verifytest.Store
	err error
}

func (s badStore) Save(verify.Record) error { return s.err }

// Without stores, and then with, warm: the second run asks for no more than it
// has to.
func TestRunWithStores(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	require.NoError(t, g.Run(nil, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
	require.Nil(t, g.Session("c"))
	require.EqualValues(t, 2, g.Session("b").Version("targets"))
	require.Equal(t, []string{"a", "b"}, g.Repositories())

	w.find("x")
	w.asked = nil
	g = w.group()
	l = g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
	require.Equal(t, []string{"a 2.root.json", "a timestamp.json", "b 2.root.json", "b timestamp.json"}, w.asked)

	// Sources for a repository that is not there do not help; one without a
	// source is silent.
	g = w.group()
	l = g.Lookup("x")
	require.NoError(t, g.Run(nil, map[string][]verify.Source{"a": w.sources()["a"], "B": w.sources()["b"]}))
	_, err = l.Target()
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorContains(t, err, "there is no live source")
}

// Run does not decide on lookups for which requests are open that Next has
// handed out: not to have been answered yet is not silence.
func TestRunAfterNext(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	b, ok := g.Next()
	require.True(t, ok)
	require.Len(t, b.Fetch, 2)
	for _, req := range b.Fetch {
		require.ErrorIs(t, g.Run(nil, w.sources()), verify.ErrInProgress)
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrPending)
		require.NoError(t, g.NotFound(req.ID)) // there is no newer root
	}
	require.NoError(t, g.Run(nil, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
}

// A lookup that a caller begins in one repository's session, past the group, is
// nobody's, and does no harm.
func TestLookupPastTheGroup(t *testing.T) {
	w := pair(t)
	g := w.group()
	l, own := g.Lookup("x"), g.Session("a").Lookup("only-a")
	w.drive(g)
	require.NoError(t, g.Err())
	_, err := l.Target()
	require.NoError(t, err)
	_, err = own.Target()
	require.NoError(t, err)
}

// Refresh goes to a later time with all repositories or with none.
func TestRefresh(t *testing.T) {
	w := pair(t)
	g := w.group()
	first := g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	require.ErrorIs(t, g.Refresh(time.Time{}), verify.ErrTime)
	require.ErrorIs(t, g.Refresh(w.now().Add(-time.Hour)), verify.ErrTime)
	w.repos["b"].Targets().AddTarget("x", []byte("new"))
	w.repos["b"].Publish()
	require.NoError(t, g.Refresh(w.now().Add(time.Hour)))
	require.ErrorIs(t, g.Refresh(w.now().Add(time.Hour)), verify.ErrInProgress)
	second := g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err := first.Target()
	require.NoError(t, err, "what was settled keeps its answer")
	_, err = second.Target()
	require.ErrorIs(t, err, multirepo.ErrDisagreement)

	// A lookup that has not been handed out would mix two cycles.
	g.Lookup("x")
	require.ErrorIs(t, g.Refresh(w.now().Add(2*time.Hour)), verify.ErrInProgress)
	_, ok := g.Next()
	require.True(t, ok)
	require.NoError(t, g.Refresh(w.now().Add(2*time.Hour)))
}

// Dropped lookups stay pending, are asked nothing for, and keep nothing from
// ending.
func TestDrop(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", plain, nil)
	a.Targets().Delegate(verifytest.Delegation{Name: "role", Paths: []string{"*"}}).AddTarget("x", []byte("x"))
	a.Publish()
	w.entry("*", "a", 1, false)
	g := w.group()
	early := g.Lookup("x")
	g.Drop(early)
	require.NoError(t, g.Run(nil, w.sources()))
	require.NotContains(t, strings.Join(w.asked, " "), "role")
	ready := g.Lookup("un/mapped")
	g.Drop(ready)
	_, ok := g.Next()
	require.False(t, ok)
	for _, l := range []*multirepo.Lookup{early, ready} {
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrPending)
	}
	require.NoError(t, g.Err())
}

// Outstanding requests are in the order of their IDs, however far each
// repository has come.
func TestOutstanding(t *testing.T) {
	w := pair(t)
	g := w.group()
	b, ok := g.Next()
	require.True(t, ok)
	require.Equal(t, b.Fetch, g.Outstanding())
	require.NoError(t, g.NotFound(b.Fetch[0].ID)) // a is one step ahead of b
	b, ok = g.Next()
	require.True(t, ok)
	require.Equal(t, "timestamp", b.Fetch[0].Role)
	open := g.Outstanding()
	require.Equal(t, []string{"b 2.root.json", "a timestamp.json"}, []string{open[0].Repository + " " + open[0].Path, open[1].Repository + " " + open[1].Path})
}

// What a session has to say about a saved file comes with the repository that
// it is about.
func TestReports(t *testing.T) {
	w := pair(t)
	w.mustFind("x", "same", "a", "b")
	require.NoError(t, w.stores["b"].Save(verify.Record{StoreName: "snapshot.json", Data: []byte("junk")}))
	g := w.group()
	require.NoError(t, g.Run(w.stores, w.sources()))
	warnings := g.Warnings()
	require.Len(t, warnings, 1)
	require.ErrorContains(t, warnings[0], `repository "b": snapshot: `)
	require.ErrorIs(t, warnings[0], verify.ErrStoredFile)
}
