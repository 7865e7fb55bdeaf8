package multirepo_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const saveFailed = "a trusted file could not be saved: disk full"

// A lookup has no result before it is handed out. A file that is not saved is
// not used.
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
	var last verify.Batch
	for !slices.Contains(g.Done(), l) {
		b, ok := g.Next()
		require.True(t, ok)
		for _, req := range b.Fetch {
			w.answer(g, req)
		}
		last = b
	}
	require.NotEmpty(t, last.Save, "the files that the lookup depends on come with it")
	_, err := l.Target()
	require.NoError(t, err)
	g.Abandon(errFull)
	late, lateUnmapped := g.Lookup("x"), g.Lookup("un/mapped")
	_, ok := g.Next()
	require.True(t, ok)
	require.ErrorIs(t, g.Err(), verify.ErrSave)
	for _, lookup := range []*multirepo.Lookup{l, late, lateUnmapped} {
		_, err := lookup.Target()
		require.Equal(t, g.Err(), err, "neither ErrNoAnswer nor ErrNoTarget")
	}
	require.ErrorIs(t, g.Err(), errFull)
	require.Empty(t, g.Warnings(), "it says nothing of any one repository")
	require.ErrorIs(t, g.Run(t.Context(), w.stores, w.sources()), errFull)
	require.ErrorIs(t, g.Provide(verify.RequestID{Repository: "a", Update: 1, Number: 1}, nil), errFull)
}

// Everything returns the first cause for ever, after Abandon as after Run, and
// the text says it once.
func TestAbandonReturnsTheFirstCause(t *testing.T) {
	w := pair(t)
	g := w.group()
	open, unmapped := g.Lookup("x"), g.Lookup("un/mapped")
	g.Abandon(errFull)
	g.Abandon(errors.New("another cause"))
	for from, err := range w.allErrors(g, open, unmapped) {
		require.EqualError(t, err, saveFailed, from)
		require.ErrorIs(t, err, verify.ErrSave, from)
		require.ErrorIs(t, err, errFull, from)
	}

	alone := newWorld(t)
	alone.add("a", plain, files{"x": "x"})
	alone.entry("*", "a", 1, true)
	g = alone.group()
	g.Abandon(errFull)
	for from, err := range alone.allErrors(g) {
		require.EqualError(t, err, saveFailed, from)
	}

	w.stores["b"] = badStore{verifytest.Store{}, errFull}
	g = w.group()
	l := g.Lookup("x")
	require.Error(t, g.Run(t.Context(), w.stores, w.sources()))
	g.Abandon(errors.New("another cause"))
	for from, err := range w.allErrors(g, l) {
		require.EqualError(t, err, `repository "b": `+saveFailed, from)
		require.ErrorIs(t, err, verify.ErrSave, from)
		require.ErrorIs(t, err, errFull, from)
	}
	warnings := g.Warnings()
	require.EqualError(t, warnings[len(warnings)-1], `repository "b": `+saveFailed)
}

// A lookup that is begun after Abandon is handed out like any other, with the
// reason.
func TestLookupAfterAbandon(t *testing.T) {
	w := pair(t)
	g := w.group()
	g.Abandon(errFull)
	late := g.Lookup("x")
	_, ok := g.Next()
	require.True(t, ok)
	require.Equal(t, []*multirepo.Lookup{late}, g.Done())
	_, err := late.Target()
	require.ErrorIs(t, err, errFull)
}

// The next update after one that was abandoned begins from the stores.
func TestRenewAfterAbandon(t *testing.T) {
	w := pair(t)
	g := w.group()
	g.Abandon(errFull)
	g, err := g.Renew(w.stored(), w.now())
	require.NoError(t, err)
	l := g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
}

// After Abandon, nothing is handed out that was not handed out before.
func TestNothingIsHandedOutAfterAbandon(t *testing.T) {
	w := pair(t)
	g := w.group()
	g.Lookup("x")
	g.Lookup("un/mapped")
	g.Abandon(errFull)
	b, ok := g.Next()
	require.False(t, ok)
	require.Equal(t, verify.Batch{}, b)
	require.Empty(t, g.Done())
	require.Empty(t, g.Outstanding())
}

// Dependency confusion through a store: a store may return the errors of a
// client of another repository. They are not the answer to a lookup here.
func TestErrorsOfStoresAreNotAnswers(t *testing.T) {
	for _, cause := range []error{verify.ErrNoTarget, verify.ErrPending, verify.ErrInProgress} {
		w := company(t)
		g := w.group()
		open := g.Lookup("acme/billing-99.0.tgz")
		g.Abandon(fmt.Errorf("a store in a repository: %w", cause))
		for from, err := range w.allErrors(g, open) {
			require.ErrorIs(t, err, verify.ErrSave, from)
			require.NotErrorIs(t, err, cause, from)
			require.ErrorContains(t, err, cause.Error(), from)
		}
	}
}

// If one store cannot be written to, Run ends the whole group.
func TestRunEndsWhenASaveFails(t *testing.T) {
	w := pair(t)
	g := w.group()
	w.stores["b"] = badStore{verifytest.Store{}, errFull}
	l, onlyA := g.Lookup("x"), g.Lookup("only-a")
	err := g.Run(t.Context(), w.stores, w.sources())
	require.ErrorIs(t, err, errFull)
	require.ErrorIs(t, err, verify.ErrSave)
	require.ErrorContains(t, err, `repository "b"`)
	_, err = l.Target()
	require.ErrorIs(t, err, errFull)
	_, err = onlyA.Target()
	require.ErrorIs(t, err, errFull, "although b is not needed for it")
}
