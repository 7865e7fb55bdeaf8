package multirepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Refresh goes to a later time with all repositories or with none.
func TestRefresh(t *testing.T) {
	w := pair(t)
	g := w.group()
	first := g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	require.ErrorIs(t, g.Refresh(time.Time{}), verify.ErrTime)
	require.ErrorIs(t, g.Refresh(w.now().Add(-time.Hour)), verify.ErrTime)
	w.repos["b"].Targets().AddTarget("x", []byte("changed"))
	w.repos["b"].Publish()
	require.NoError(t, g.Refresh(w.now().Add(time.Hour)))
	require.ErrorIs(t, g.Refresh(w.now().Add(time.Hour)), verify.ErrInProgress)
	second := g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err := first.Target()
	require.NoError(t, err, "a lookup that is done does not change")
	_, err = second.Target()
	require.ErrorIs(t, err, multirepo.ErrDisagreement)

	// A lookup that has not been handed out would mix two updates.
	g.Lookup("x")
	require.ErrorIs(t, g.Refresh(w.now().Add(2*time.Hour)), verify.ErrInProgress)
	_, ok := g.Next()
	require.True(t, ok)
	require.NoError(t, g.Refresh(w.now().Add(2*time.Hour)))
}

// While one repository is up to date and another one is still asked, the group
// is in progress. No update ends or begins for one repository alone, and none
// has failed yet.
func TestInProgressUntilAllRepositoriesAreDone(t *testing.T) {
	for _, first := range []string{"a", "b"} {
		w := pair(t)
		g := w.group()
		require.Empty(t, g.Warnings(), "nothing has been asked yet")
		require.Equal(t, verify.ErrInProgress, g.Err())
		w.answerOnly(g, first)
		require.Equal(t, verify.ErrInProgress, g.Err())
		require.Empty(t, g.Warnings())
		require.ErrorIs(t, g.Refresh(w.now().Add(time.Hour)), verify.ErrInProgress)
		require.NotZero(t, g.Version(first, metadata.RoleTimestamp), "no other update has begun")
		for _, req := range g.Outstanding() {
			require.NotEqual(t, first, req.Repository)
			require.NoError(t, g.Fail(req.ID, errDown))
		}
		require.NoError(t, g.Err())
		require.NoError(t, g.Refresh(w.now().Add(time.Hour)))
	}
}

// A single lookup that is not decided keeps the group in progress, even if no
// request is open.
func TestInProgressUntilAllLookupsAreDone(t *testing.T) {
	w := pair(t)
	g := w.group()
	require.NoError(t, g.Run(w.stores, w.sources()))
	g.Lookup("x")
	require.Empty(t, g.Outstanding())
	require.Equal(t, verify.ErrInProgress, g.Err())
	b, ok := g.Next()
	require.True(t, ok)
	require.Len(t, b.Done, 1)
	require.NoError(t, g.Err())
}
