package multirepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Renew goes to a later time with all repositories or with none. A lookup stays
// with its group.
func TestRenew(t *testing.T) {
	w := pair(t)
	g := w.group()
	first := g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	for _, bad := range []time.Time{{}, w.now().Add(-time.Hour)} {
		next, err := g.Renew(w.stored(), bad)
		require.Nil(t, next)
		require.ErrorIs(t, err, verify.ErrTime)
	}
	w.repos["b"].Targets().AddTarget("x", []byte("changed"))
	w.repos["b"].Publish()
	open := g.Lookup("x") // it is not handed out yet
	next := w.renew(g, time.Hour)
	second := next.Lookup("x")
	require.NoError(t, next.Run(t.Context(), w.stores, w.sources()))
	_, err := first.Target()
	require.NoError(t, err, "a lookup that is done does not change")
	_, err = second.Target()
	require.ErrorIs(t, err, multirepo.ErrDisagreement)
	_, err = open.Target()
	require.ErrorIs(t, err, verify.ErrPending)
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err = open.Target()
	require.NoError(t, err, "the view of the old group is that of its time")
}

// Renew goes on with a group that is in the middle of an update, too. What that
// one has verified counts; the rest is asked for.
func TestRenewInTheMiddleOfAnUpdate(t *testing.T) {
	for _, first := range []string{"a", "b"} {
		w := pair(t)
		g := w.group()
		require.Empty(t, g.Warnings(), "nothing has been asked yet")
		require.Equal(t, verify.ErrInProgress, g.Err())
		w.answerOnly(g, first)
		require.Equal(t, verify.ErrInProgress, g.Err())
		require.Empty(t, g.Warnings())
		next := w.renew(g, time.Hour)
		require.Zero(t, next.Version(first, metadata.RoleTimestamp), "the next update begins for all repositories")
		require.NotZero(t, g.Version(first, metadata.RoleTimestamp))
		for _, req := range g.Outstanding() {
			require.NotEqual(t, first, req.Repository)
			require.NoError(t, g.Fail(req.ID, errDown))
		}
		require.NoError(t, g.Err())
		l := next.Lookup("x")
		require.NoError(t, next.Run(t.Context(), w.stores, w.sources()))
		_, err := l.Target()
		require.NoError(t, err)
	}
}

// A single lookup that is not decided keeps the group in progress, even if no
// request is open.
func TestInProgressUntilAllLookupsAreDone(t *testing.T) {
	w := pair(t)
	g := w.group()
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	g.Lookup("x")
	require.Empty(t, g.Outstanding())
	require.Equal(t, verify.ErrInProgress, g.Err())
	_, ok := g.Next()
	require.True(t, ok)
	require.Len(t, g.Done(), 1)
	require.NoError(t, g.Err())
}
