package multirepo_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var errFull = errors.New("disk full")

// everything is each way in which a group tells that it is of no use.
func (w *world) everything(g *multirepo.Group, lookups ...*multirepo.Lookup) map[string]error {
	all := map[string]error{"Err": g.Err(), "Refresh": g.Refresh(w.now()), "Run": g.Run(w.stores, w.sources())}
	for id := range verify.RequestID(3) {
		all[fmt.Sprint("Provide ", id)], all[fmt.Sprint("NotFound ", id)], all[fmt.Sprint("Fail ", id)] = g.Provide(id, nil), g.NotFound(id), g.Fail(id, nil)
	}
	late := g.Lookup("x")
	all["Refresh after Find"] = g.Refresh(w.now())
	g.Next()
	for i, l := range append(lookups, late) {
		_, all[fmt.Sprint("lookup ", i)] = l.Target()
	}
	return all
}

// The first cause is said by everything and for ever, once, by Abandon as by
// Run.
func TestAbandonSaysTheFirstCause(t *testing.T) {
	w := pair(t)
	g := w.group()
	open, settled := g.Lookup("x"), g.Lookup("un/mapped")
	g.Abandon(errFull)
	g.Abandon(errors.New("another cause"))
	for who, err := range w.everything(g, open, settled) {
		require.EqualError(t, err, "a trusted file could not be saved: disk full", who)
		require.ErrorIs(t, err, verify.ErrSave, who)
		require.ErrorIs(t, err, errFull, who)
	}

	alone := newWorld(t)
	alone.add("a", plain, files{"x": "x"})
	alone.entry("*", "a", 1, true)
	g = alone.group()
	g.Abandon(errFull)
	for who, err := range alone.everything(g) {
		require.EqualError(t, err, "a trusted file could not be saved: disk full", who)
	}

	w.stores["b"] = badStore{verifytest.Store{}, errFull}
	g = w.group()
	l := g.Lookup("x")
	require.Error(t, g.Run(w.stores, w.sources()))
	g.Abandon(errors.New("another cause"))
	for who, err := range w.everything(g, l) {
		require.EqualError(t, err, `repository "b": a trusted file could not be saved: disk full`, who)
		require.ErrorIs(t, err, verify.ErrSave, who)
		require.ErrorIs(t, err, errFull, who)
	}
	require.EqualError(t, g.Session("b").Err(), "a trusted file could not be saved: disk full")
}

// What was not handed out is not handed out afterwards: the batch of a group
// that is of no use is empty.
func TestNothingComesAfterAbandon(t *testing.T) {
	w := pair(t)
	g := w.group()
	g.Lookup("x")
	g.Lookup("un/mapped")
	g.Abandon(errFull)
	b, ok := g.Next()
	require.False(t, ok)
	require.Equal(t, multirepo.Batch{}, b)
	require.Empty(t, g.Outstanding())
}

// Dependency confusion by way of a store: it may hand on what a client of
// another repository says. That is no answer to any lookup here.
func TestCausesOfAbandonAreNotAnswers(t *testing.T) {
	for _, cause := range []error{verify.ErrNoTarget, verify.ErrPending, verify.ErrInProgress} {
		w := company(t)
		g := w.group()
		open := g.Lookup("acme/billing-99.0.tgz")
		g.Abandon(fmt.Errorf("a store in a repository: %w", cause))
		for who, err := range w.everything(g, open) {
			require.ErrorIs(t, err, verify.ErrSave, who)
			require.NotErrorIs(t, err, cause, who)
			require.ErrorContains(t, err, cause.Error(), who)
		}
	}
}
