package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestHistories plays some histories: every difference must be explained. Two
// clients that accept nothing agree, too. So tufwalk must accept as many
// updates, and find as many targets, as it does in the histories of now: a
// change of the histories may change the numbers, a change of the library must
// not lower them. The usual differences must occur, or the histories do not
// reach them.
func TestHistories(t *testing.T) {
	n, refreshed, targets := uint64(250), 430, 251
	usual := []string{"D15", "D6", "F4", "G17", "G4", "G7", "G9", "R-4.4.1", "R-4.6.5"}
	if testing.Short() || raceDetector {
		n, refreshed, targets = 40, 67, 38
		usual = []string{"D15", "F4", "G4", "G9", "R-4.6.5"}
	}
	all, err := playAll(t.Context(), 1, n)
	require.NoError(t, err)
	require.GreaterOrEqual(t, all.refreshed, refreshed)
	require.GreaterOrEqual(t, all.found, targets)
	seen := all.seen()
	for _, id := range usual {
		require.True(t, seen[id], "%s did not occur; seen are %v", id, seen)
	}
}

// Differences that are seldom: each has a history that shows it.
func TestRareDifferences(t *testing.T) {
	for id, seed := range map[string]uint64{
		"G3": 1807, "G8": 1800, "G15": 1615, "J1": 1066, "J7": 2961, "K2": 2009, "R-5.5.8": 2217,
		savesNoRoots: 1129, forgetsRoles: 2013,
	} {
		all, err := playAll(t.Context(), seed, 1)
		require.NoError(t, err)
		require.True(t, all.seen()[id], "%s did not occur in history %d; seen are %v", id, seed, all.seen())
	}
}

// TestExplain shows that not everything is explained: not a target that no role
// lists, and not a result of ours that the model does not have.
func TestExplain(t *testing.T) {
	e := firstUpdate(t, 0)
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

// TestExplainExpiry explains one deviation: at the moment of expiry, go-tuf
// still accepts a file.
func TestExplainExpiry(t *testing.T) {
	e := firstUpdate(t, 24*time.Hour) // the timestamp's lifetime
	require.False(t, e.ours.refreshed)
	require.True(t, e.theirs.refreshed)
	require.Equal(t, []string{"G4"}, e.explain())

	rules := model.Plain()
	rules.LastSecond = true
	require.True(t, runModel(e.situation, verifytest.Store{}, rules).equal(e.theirs))
}

func TestCommand(t *testing.T) {
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--histories", "3"}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "3 histories")
	require.NotContains(t, out.String(), "What happened")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Contains(t, lines[len(lines)-1], "tufwalk and go-tuf agree in ", "the last line is a summary")
	out.Reset()
	require.Zero(t, run(t.Context(), []string{"-h"}, &out, &errs))
	require.Contains(t, out.String(), "Exit code 0")
	require.Equal(t, 2, run(t.Context(), []string{"-nonsense"}, &out, &errs))
}

// For a single history, the program prints what both clients did where they
// differ.
func TestTell(t *testing.T) {
	seed, r := uint64(0), result{}
	for len(r.explained) == 0 {
		seed++
		var err error
		r, err = play(seed)
		require.NoError(t, err)
		require.NoError(t, r.finding)
	}
	var out, errs bytes.Buffer
	args := []string{"--first", fmt.Sprint(seed), "--histories", "1"}
	require.Zero(t, run(t.Context(), args, &out, &errs), errs.String())
	require.Contains(t, out.String(), "\nWhat happened (--- ends an update):\n\n"+r.story+"\n\nWhere they disagree (")
	for _, d := range r.explained {
		require.False(t, d.ours.equal(d.theirs))
		head := fmt.Sprintf("\n%s, known as %s:\n  both look for %q\n", d.where, d.ids, d.paths)
		require.Contains(t, out.String(), head)
		require.Contains(t, out.String(), "\n  tufwalk: "+d.ours.String()+"\n  go-tuf:  "+d.theirs.String()+"\n")
	}

	out.Reset()
	(&result{story: "nothing"}).tell(&out)
	require.Equal(t, "What happened (--- ends an update):\n\nnothing\n\n", out.String())
}

// Only deviations that occurred are listed, as go-tuf's.
func TestPrint(t *testing.T) {
	all := &tally{histories: 2, updates: 9, explained: map[string][]string{
		"G4":     {"history 2, update 1"},
		"D6+G15": {"history 1, update 3", "history 2, update 4"},
	}}
	var out bytes.Buffer
	all.print(&out)
	require.Contains(t, out.String(), "\nWhat go-tuf ")
	require.Regexp(t, `D6\+G15 +2 +history 1, update 3\n`, out.String())
	for _, d := range deviations {
		require.Equal(t, all.seen()[d.id], strings.Contains(out.String(), d.what), d.id)
	}
	require.Equal(t, "tufwalk and go-tuf agree in 6 of 9 updates; "+
		"the other 3 are explained by known deviations of go-tuf.", all.summary())
	require.Equal(t, "tufwalk and go-tuf agree in all 9 updates.", (&tally{updates: 9}).summary())

	out.Reset()
	(&tally{histories: 1}).print(&out)
	require.NotContains(t, out.String(), "differently")
}
