package multirepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// save goes through a group's update as a caller with a loop of its own does,
// and returns what ended it: nil, or what Save returned.
func (w *world) save(g *multirepo.Group) error {
	w.Helper()
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		for _, rec := range b.Save {
			if err := g.Save(w.Context(), w.stores[rec.Repository], []verify.Record{rec}); err != nil {
				return err
			}
		}
		for _, req := range b.Fetch {
			w.answer(g, req)
		}
	}
	return g.Err()
}

// The records of a loop are those that Run saves, each in the store of its own
// repository.
func TestSave(t *testing.T) {
	w := company(t)
	g := w.group()
	g.Lookup("acme/billing-1.0.tgz")
	g.Lookup("nothing") // asks the public repository
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	byRun := w.stores
	w.stores = map[string]verify.Store{"private": verifytest.Store{}, "public": verifytest.Store{}}
	g = w.group()
	l := g.Lookup("acme/billing-1.0.tgz")
	g.Lookup("nothing")
	require.NoError(t, w.save(g))
	_, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, byRun, w.stores)
	require.Contains(t, w.stores["private"], "role.team.json")

	// With nothing to save, and without a store, Save does nothing.
	require.NoError(t, g.Save(t.Context(), nil, nil))
	require.NoError(t, g.Save(t.Context(), badStore{verifytest.Store{}, errFull}, nil))
	require.NoError(t, g.Save(t.Context(), nil, []verify.Record{{Repository: "private", StoreName: "x"}}))
	require.NoError(t, g.Err())
}

// Records of a repository that is not in the map, and of several repositories
// at once, are not saved anywhere: each repository has its own store.
func TestSaveOfWrongRecords(t *testing.T) {
	w := pair(t)
	g := w.group()
	var records []verify.Record
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		records = append(records, b.Save...)
		for _, req := range b.Fetch {
			w.answer(g, req)
		}
	}
	for want, wrong := range map[string][]verify.Record{
		`repository "c": it is not in the map`:                          {{Repository: "c", StoreName: "timestamp.json"}},
		`repository "": it is not in the map`:                           {{StoreName: "timestamp.json"}},
		`repository "b": its records do not belong in the store of "a"`: records,
	} {
		store := verifytest.Store{}
		require.EqualError(t, g.Save(t.Context(), store, wrong), want)
		require.Empty(t, store, want)
		require.NoError(t, g.Err(), want)
	}
}

// Whether a record may be written depends on the store of its own repository:
// another process may have saved a newer file there. A save that is superseded
// ends the group, and the next update begins from the stores.
func TestSuperseded(t *testing.T) {
	for _, run := range []bool{false, true} {
		w := pair(t)
		slow := w.group()
		pending := []*multirepo.Lookup{slow.Lookup("x")}
		old := map[string]verifytest.Files{}
		for name, repo := range w.repos {
			old[name] = repo.Metadata().Clone()
		}
		sources := map[string][]verify.Source{"a": {old["a"].Source()}, "b": {old["b"].Source()}}
		if !run { // it has asked for everything, and saved nothing
			for b, ok := slow.Next(); ok; b, ok = slow.Next() {
				for _, req := range b.Fetch {
					if data, err := old[req.Repository].Source()(t.Context(), req); err == nil {
						require.NoError(t, slow.Provide(req.ID, data))
					} else {
						require.NoError(t, slow.NotFound(req.ID))
					}
				}
			}
			_, err := pending[0].Target()
			require.NoError(t, err)
			pending = nil // it came with an earlier batch than the record that is saved below
		}
		w.repos["b"].Publish()
		other := w.group()
		require.NoError(t, other.Run(t.Context(), w.stores, w.sources()))

		var err error
		if run {
			err = slow.Run(t.Context(), w.stores, sources)
		} else {
			const name = "timestamp.json"
			save := func(repository string) error {
				return slow.Save(t.Context(), w.stores[repository], []verify.Record{{
					Repository: repository, Role: "timestamp", Version: 2, StoreName: name, Data: old[repository][name],
				}})
			}
			require.NoError(t, save("a"), "there is nothing newer of a")
			err = save("b")
		}
		var about *multirepo.RepositoryError
		require.ErrorAs(t, err, &about)
		require.Equal(t, "b", about.Repository)
		superseded := new(verify.SupersededError)
		require.ErrorAs(t, err, &superseded)
		require.Equal(t, &verify.SupersededError{Role: "timestamp", Stored: 3, Own: 2}, superseded)
		require.Equal(t, string(w.repos["b"].Metadata()["timestamp.json"]),
			string(w.stores["b"].(verifytest.Store)["timestamp.json"]), "it is not written over")
		for from, ended := range w.allErrors(slow, pending...) {
			require.ErrorIs(t, ended, verify.ErrSuperseded, from)
			require.EqualError(t, ended, err.Error(), from)
		}

		next := w.renew(slow, 0)
		found := next.Lookup("x")
		require.NoError(t, next.Run(t.Context(), w.stores, w.sources()))
		_, err = found.Target()
		require.NoError(t, err)
		require.EqualValues(t, 3, next.Version("b", "timestamp"))
	}
}

// A store is locked while the records of its repository are compared and saved.
func TestStoresAreLocked(t *testing.T) {
	w := pair(t)
	locks := map[string]*lockable{}
	for name := range w.stores {
		locks[name] = &lockable{Store: verifytest.Store{}, t: t}
		w.stores[name] = locks[name]
	}
	require.NoError(t, w.group().Run(t.Context(), w.stores, w.sources()))
	for name, store := range locks {
		require.Positive(t, store.locks, name)
		require.False(t, store.locked, name)
		require.Contains(t, store.Store, "timestamp.json", name)
	}
}
