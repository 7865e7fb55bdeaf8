package multirepo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TAP 4 step 1, TAP 4 step 2, TAP 4 step 4, TAP 4 step 5: entries are asked in
// order, enough repositories attest a target, or the search goes on or ends.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.add("company", plain, files{
		"tool-1": "company's tool", "lib-2": "lib", "odd-1": "company's odd", "both": "x",
	})
	w.add("mirror", plain, files{"lib-2": "lib", "odd-1": "mirror's odd", "lib-3": "lib 3"})
	w.add("public", plain, files{
		"tool-9": "public tool", "lib-2": "public lib", "app": "app", "odd-1": "public odd", "both": "y", "lib-4": "lib 4",
	})
	w.entry("tool-*", "company", 1, true)
	w.entry("lib-*,odd-*", "company,mirror", 2, false)
	w.entry("other-dir/*", "public", 1, true)
	w.entry("*", "public", 1, false)
	w.entry("app,b*", "company", 1, false)

	l := w.mustFind("tool-1", "company's tool", "company")
	require.Len(t, l.Trail(), 1)
	l = w.mustFind("lib-2", "lib", "company", "mirror")
	require.Equal(t, 1, l.Trail()[0].Entry)
	w.mustFind("app", "app", "public")
	w.mustFind("both", "y", "public") // the first entry that lists it

	// Terminating: the public repository is not asked for such names.
	l = w.mustFail("tool-9", verify.ErrNoTarget)
	require.Equal(t, []string{"mapping[0], 1 of 1 (terminating): company has no such target"}, texts(l.Trail()))
	// No entry is for it: * does not match a slash.
	l = w.mustFail("other/app", verify.ErrNoTarget)
	require.Empty(t, l.Trail())
	_, err := l.Target()
	require.ErrorContains(t, err, `"other/app": no such target: no entry of the map is for it`)
	// No repository lists it.
	l = w.mustFail("lib-9", verify.ErrNoTarget)
	require.Len(t, l.Trail(), 2)
	_, err = l.Target()
	require.EqualError(t, err, `"lib-9": no such target`)
	// Neither repository of the entry lists it, and the next entry does.
	l = w.mustFind("lib-4", "lib 4", "public")
	require.Len(t, l.Trail(), 2)
	require.ErrorIs(t, l.Trail()[0].Err, verify.ErrNoTarget)
	require.Equal(t, multirepo.Agrees, l.Trail()[1].Answers[0].Outcome)

	// They disagree, or too few list it: the search ends, although the entry is
	// not terminating.
	l = w.mustFail("odd-1", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{disagrees, disagrees}, outcomes(l))
	_, err = l.Target()
	require.ErrorContains(t, err,
		`"odd-1": repositories do not agree: mapping[1], 2 of 2: company disagrees: 13 bytes, sha256 `)
	l = w.mustFail("lib-3", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{noTarget, lists}, outcomes(l))
}

// TAP 4 step 5: by the TAP's own text the search goes on after a disagreement.
// If no later entry has the target, the disagreement is the result. A missing
// answer is not a disagreement.
func TestFallThrough(t *testing.T) {
	w := newWorld(t)
	w.options.FallThrough = true
	w.add("a", plain, files{"x": "a's", "y": "a's", "z": "a's", "t/1": "a's"})
	w.add("b", plain, files{"x": "b's", "y": "b's", "t/1": "b's"})
	w.add("c", plain, files{"x": "c's", "t/1": "c's"})
	w.entry("t/*", "a,b", 2, true)
	w.entry("*", "a,b", 2, false)
	w.entry("*,t/*", "c", 1, false)
	l := w.mustFind("x", "c's", "c")
	require.ErrorIs(t, l.Trail()[0].Err, multirepo.ErrDisagreement)
	require.Equal(t, disagrees, l.Trail()[0].Answers[0].Outcome)
	require.Equal(t, disagrees, l.Trail()[0].Answers[1].Outcome)
	require.Len(t, w.mustFail("y", multirepo.ErrDisagreement).Trail(), 2)
	require.Len(t, w.mustFail("z", multirepo.ErrDisagreement).Trail(), 2)
	require.Len(t, w.mustFail("t/1", multirepo.ErrDisagreement).Trail(), 1, "the entry is terminating")
	w.down["b"] = true
	require.Len(t, w.mustFail("x", multirepo.ErrNoAnswer).Trail(), 1)
	// Two files that both have enough repositories: the TAP does not say that
	// the search goes on.
	w.down["b"] = false
	w.entries = nil
	w.entry("*", "a,b", 1, false)
	w.entry("*", "c", 1, false)
	l = w.mustFail("x", multirepo.ErrDisagreement)
	require.Len(t, l.Trail(), 1)
	var agreement *multirepo.AgreementError
	require.ErrorAs(t, l.Trail()[0].Err, &agreement)
	require.True(t, agreement.Conflict)
}

// With FallThrough, the first disagreement is the result if no later entry has
// the target, whatever entries come before and wherever the search ends.
func TestFallThroughReturnsTheFirstDisagreement(t *testing.T) {
	for _, terminating := range []bool{false, true} {
		w := newWorld(t)
		w.options.FallThrough = true
		w.add("a", plain, files{"x": "a's"})
		w.add("b", plain, files{"x": "b's"})
		w.add("c", plain, nil)
		w.entry("*", "c", 1, false)
		w.entry("*", "a,b", 2, false)
		w.entry("*", "c", 1, terminating)
		l := w.mustFail("x", multirepo.ErrDisagreement)
		require.Len(t, l.Trail(), 3)
		_, err := l.Target()
		require.Equal(t, l.Trail()[1].Err, err)
	}
}

// Lookups that are done at the same time are handed out in the order in which
// they were begun, whichever repository answers first.
func TestOrderOfLookups(t *testing.T) {
	w := newWorld(t)
	w.add("a", plain, files{"a/x": "a"})
	w.add("b", plain, files{"b/x": "b"})
	w.entry("a/*", "a", 1, true)
	w.entry("b/*", "b", 1, true)
	g := w.group()
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
	var want []*multirepo.Lookup
	for _, path := range []string{"b/x", "a/x", "b/y", "a/y"} {
		want = append(want, g.Lookup(path))
	}
	_, ok := g.Next()
	require.True(t, ok)
	require.Len(t, g.Done(), len(want))
	for i, l := range g.Done() {
		require.Same(t, want[i], l, "%d: %s", i, l.Path())
	}
}

// A search that goes on in a later entry has no result yet, and no trail.
func TestPendingInALaterEntry(t *testing.T) {
	w := company(t)
	w.setTerminating(0, false)
	g := w.group()
	l := g.Lookup("acme/billing-99.0.tgz")
	later := false
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		for _, req := range b.Fetch {
			if req.Role == "anyone" {
				later = true
				_, err := l.Target()
				require.ErrorIs(t, err, verify.ErrPending)
				require.Nil(t, l.Trail())
			}
			w.answer(g, req)
		}
	}
	require.True(t, later)
	require.Len(t, l.Trail(), 2)
}

// Dropped lookups stay pending. Nothing is asked for them, and the group does
// not wait for them.
func TestDrop(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", plain, nil)
	a.Targets().Delegate(verifytest.Delegation{Name: "role", Paths: []string{"*"}}).AddTarget("x", []byte("x"))
	a.Publish()
	w.entry("*", "a", 1, false)
	g := w.group()
	early := g.Lookup("x")
	g.Drop(early)
	g.Drop(nil)
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
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
