package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/internal/model"
)

// TestHistories plays some histories: nothing may be left unexplained, and what is known to differ must show, or the histories do not
// reach it.
func TestHistories(t *testing.T) {
	n, usual := uint64(250), []string{"D6", "F4", "G4", "G9", keepsNoRoots, "R-4.6.5", "R-5.5.8"}
	if testing.Short() {
		n, usual = 40, nil
	}
	all, err := playAll(t.Context(), 1, n)
	require.NoError(t, err)
	require.Greater(t, all.refreshed, int(n))
	require.Greater(t, all.found, int(n))
	seen := map[string]bool{}
	for ids := range all.explained {
		for id := range strings.SplitSeq(ids, "+") {
			seen[id] = true
		}
	}
	for _, id := range usual {
		require.True(t, seen[id], "%s does not show; seen are %v", id, seen)
	}
}

// TestExplain shows that not everything is explained: neither a target that nobody lists, nor an answer of ours that the model does not give.
func TestExplain(t *testing.T) {
	w := histories.New(1)
	e := evidence{situation: situation{w.Anchor(), w.Mirror(), w.Time(), []string{"nowhere/2"}}, ourStore: saved{}, allCache: saved{}, cache: saved{}}
	e.ours = runTufwalk(e.situation, saved{})
	e.theirs = runGoTUF(e.situation, t.TempDir())
	require.True(t, e.ours.refreshed)
	require.True(t, e.ours.equal(e.theirs))

	e.theirs.lookups = []string{found(5, map[string]string{"sha256": "00"})}
	require.Empty(t, e.explain())
	e.theirs = outcome{panicked: true}
	require.Empty(t, e.explain())
	e.theirs = outcome{}
	require.Empty(t, e.explain())

	e.theirs, e.ours = e.ours, outcome{}
	require.Empty(t, e.explain())
}

// TestExplainExpiry explains one deviation from beginning to end: at the very moment of expiry go-tuf still goes on.
func TestExplainExpiry(t *testing.T) {
	w := histories.New(1)
	at := w.Time().Add(24 * 60 * 60 * 1e9) // the timestamp's lifetime
	e := evidence{situation: situation{w.Anchor(), w.Mirror(), at, []string{"nowhere/2"}}, ourStore: saved{}, allCache: saved{}, cache: saved{}}
	e.ours = runTufwalk(e.situation, saved{})
	e.theirs = runGoTUF(e.situation, t.TempDir())
	require.False(t, e.ours.refreshed)
	require.True(t, e.theirs.refreshed)
	require.Equal(t, []string{"G4"}, e.explain())

	rules := model.Plain()
	rules.LastSecond = true
	require.True(t, runModel(e.situation, saved{}, rules).equal(e.theirs))
}

func TestCommand(t *testing.T) {
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-histories", "3"}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "3 histories")
	require.Equal(t, 2, run(t.Context(), []string{"-nonsense"}, &out, &errs))
}
