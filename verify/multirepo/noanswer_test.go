package multirepo_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Silent repository (TAP 4 step 3): "no such target" is an answer, and
// different from no answer. If a repository gives no answer, the threshold
// stays the same and no later entry is asked.
func TestNoAnswer(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.add(name, plain, files{"x": "same", "odd": name})
	}
	w.add("last", plain, files{"x": "same", "odd": "last", "only": "last"})
	w.entry("*", "a,b,c", 2, false)
	w.entry("*", "last", 1, false)
	w.mustFind("x", "same", "a", "b", "c")
	w.mustFind("only", "last", "last")

	w.down["c"] = true
	l := w.mustFind("x", "same", "a", "b")
	require.Equal(t, []multirepo.Outcome{agrees, agrees, noAnswer}, outcomes(l))
	require.ErrorIs(t, l.Trail()[0].Answers[2].Err, errDown)
	l = w.mustFail("only", multirepo.ErrNoAnswer)
	require.Equal(t, []multirepo.Outcome{noTarget, noTarget, noAnswer}, outcomes(l))
	// The others contradict each other: the error says that too.
	_, l, err := w.find("odd")
	require.ErrorIs(t, err, multirepo.ErrDisagreement)
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorIs(t, err, errDown, "and why it gave no answer")
	require.NotErrorIs(t, err, verify.ErrNoTarget)
	require.Equal(t, []multirepo.Outcome{disagrees, disagrees, noAnswer}, outcomes(l))

	w.down["b"] = true
	l = w.mustFail("x", multirepo.ErrNoAnswer)
	require.Equal(t, []multirepo.Outcome{lists, noAnswer, noAnswer}, outcomes(l))

	// It is a warning, and not an error of the group.
	g := w.group()
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	warnings := g.Warnings()
	require.Len(t, warnings, 2)
	for i, name := range []string{"b", "c"} {
		var failed *multirepo.RepositoryError
		require.ErrorAs(t, warnings[i], &failed)
		require.Equal(t, name, failed.Repository)
		require.ErrorIs(t, failed, errDown)
	}
	// Unless no repository is left.
	w.down["a"], w.down["last"] = true, true
	g = w.group()
	require.ErrorIs(t, g.Run(t.Context(), w.stores, w.sources()), errDown)

	// They come back: the next update asks all of them again.
	clear(w.down)
	g = w.renew(g, 0)
	l = g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
	require.Empty(t, g.Warnings())
}

// A role that could not be fetched, and a search that reaches a limit, are no
// answer; they do not mean that there is no such target. The same is true for a
// repository whose files have expired, and for a rollback.
func TestCausesOfNoAnswer(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", plain, nil)
	a.Targets().Delegate(verifytest.Delegation{Name: "role", Paths: []string{"*"}}).AddTarget("x", []byte("x"))
	a.Publish()
	w.add("b", plain, files{"x": "confused"})
	w.entry("*", "a", 1, false)
	w.entry("*", "b", 1, false)
	w.mustFind("x", "x", "a")
	w.stores["a"] = verifytest.Store{}

	lost := a.Metadata()["1.role.json"]
	delete(a.Metadata(), "1.role.json")
	w.mustFail("x", multirepo.ErrNoAnswer)
	a.Metadata()["1.role.json"] = lost

	limited := verify.Options{Limits: verify.Limits{MaxDelegations: 1}}
	w.start["a"] = multirepo.Repository{TrustedRoot: a.TrustedRoot(), Options: limited}
	l := w.mustFail("x", multirepo.ErrNoAnswer)
	require.ErrorIs(t, l.Trail()[0].Answers[0].Err, verify.ErrLimit)
	w.start["a"] = multirepo.Repository{TrustedRoot: a.TrustedRoot()}

	old := a.Metadata().Clone()
	a.Publish()
	w.mustFind("x", "x", "a") // and saved
	clear(a.Metadata())
	maps.Copy(a.Metadata(), old)
	l = w.mustFail("x", multirepo.ErrNoAnswer)
	require.ErrorIs(t, l.Trail()[0].Answers[0].Err, roles.ErrRollback, "rollback protection is each repository's own")
	w.stores["a"] = verifytest.Store{}
	w.mustFind("x", "x", "a")

	w.repos["b"].Advance(48 * time.Hour)
	w.repos["b"].Publish()
	l = w.mustFail("x", multirepo.ErrNoAnswer)
	require.ErrorIs(t, l.Trail()[0].Answers[0].Err, roles.ErrExpired)
}
