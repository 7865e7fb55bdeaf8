package multirepo_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Run works without stores. With the stores of an earlier run it asks for no
// more than it has to.
func TestRunWithStores(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)

	w.find("x")
	w.asked = nil
	g = w.group()
	l = g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
	require.Equal(t, []string{"a 2.root.json", "b 2.root.json", "a timestamp.json", "b timestamp.json"}, w.asked)

	// A repository without a source gives no answer.
	g = w.group()
	l = g.Lookup("x")
	sources := map[string][]verify.Source{"a": w.sources()["a"]}
	require.NoError(t, g.Run(t.Context(), nil, sources))
	_, err = l.Target()
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorContains(t, err, "there is no live source")
}

// Run goes on with requests that Next has handed out. An answer that has not
// come yet is not a missing answer.
func TestRunAfterNext(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	b, ok := g.Next()
	require.True(t, ok)
	require.Len(t, b.Fetch, 2)
	require.NoError(t, g.NotFound(b.Fetch[0].ID)) // there is no newer root
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending)
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
	require.Equal(t, []string{"b 2.root.json", "a timestamp.json", "b timestamp.json"}, w.asked[:3])
	_, err = l.Target()
	require.NoError(t, err)
	for _, req := range b.Fetch {
		require.ErrorIs(t, g.NotFound(req.ID), verify.ErrRequest, "it is done")
	}
}

// If the context ends, Run returns its error, no repository has failed, and
// another Run goes on.
func TestRunGoesOn(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	for n := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		sources := w.sources()
		source := sources["b"][0]
		sources["b"] = []verify.Source{func(ctx context.Context, req verify.Request) ([]byte, error) {
			if cancel(); n > 0 { // it may have been too late for this answer
				return nil, ctx.Err()
			}
			return source(ctx, req)
		}}
		require.ErrorIs(t, g.Run(ctx, w.stores, sources), context.Canceled)
		require.ErrorIs(t, g.Err(), verify.ErrInProgress)
		require.Empty(t, g.Warnings())
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrPending)
	}
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
}

// A misspelled name would run a repository without its store.
func TestRunRefusesUnknownNames(t *testing.T) {
	w := pair(t)
	g := w.group()
	store := map[string]verify.Store{"A": verifytest.Store{}}
	require.ErrorIs(t, g.Run(t.Context(), store, w.sources()), multirepo.ErrMap)
	sources := map[string][]verify.Source{"A": nil}
	require.ErrorIs(t, g.Run(t.Context(), w.stores, sources), multirepo.ErrMap)
	require.Empty(t, w.asked)
}

// A lookup that is done does not wait for repositories that have no say: those
// that no entry for its path names, and those of later entries.
func TestNobodyWaitsForRepositoriesWithoutASay(t *testing.T) {
	w := company(t)
	w.add("spare", plain, files{"left-pad-1.0.tgz": "other"})
	w.entry("left-pad*", "spare", 1, true)
	g := w.group()
	l := g.Lookup("left-pad-1.0.tgz")
	b, _ := g.Next()
	for _, req := range b.Fetch {
		require.Equal(t, req.Repository != "public", req.Ahead, req.Repository)
	}
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
	for _, asked := range w.asked {
		require.Contains(t, asked, "public ")
	}
	require.NoError(t, g.Err())
	require.Len(t, g.Outstanding(), 2, "the others may still be brought up to date")

	// When another lookup needs one, it is asked.
	l = g.Lookup("acme/billing-1.0.tgz")
	require.ErrorIs(t, g.Err(), verify.ErrInProgress)
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
}

// Err says why the updates failed of the repositories that were asked. One that
// was not asked is neither waited for nor named, and a lookup that asks none is
// done at once.
func TestErrOfThoseThatWereAsked(t *testing.T) {
	w := company(t)
	w.down["private"] = true
	g := w.group()
	_, _, err := w.lookup(g, "acme/billing-1.0.tgz")
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorIs(t, g.Err(), errDown)
	require.NotContains(t, g.Err().Error(), "public")
	_, _, err = w.lookup(g, "left-pad-1.0.tgz")
	require.NoError(t, err)
	require.NoError(t, g.Err(), "one is up to date")

	w = pair(t)
	w.asked = nil
	g = w.group()
	_, _, err = w.lookup(g, "un/mapped")
	require.ErrorIs(t, err, verify.ErrNoTarget)
	require.NoError(t, g.Err())
	require.Empty(t, w.asked)
}
