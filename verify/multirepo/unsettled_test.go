package multirepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// answerOnly answers the requests of one repository until it is up to date;
// those of the others stay open.
func (w *world) answerOnly(g *multirepo.Group, name string) {
	w.Helper()
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		for _, req := range b.Fetch {
			if req.Repository != name {
				continue
			}
			if data, err := w.repos[name].Metadata().Source()(req.Request); err == nil {
				require.NoError(w, g.Provide(req.ID, data))
			} else {
				require.NoError(w, g.NotFound(req.ID))
			}
		}
	}
	require.NoError(w, g.Session(name).Err())
}

// While one repository is up to date and another one is asked, the group is
// neither: no cycle ends or begins for one alone, and nobody has failed yet.
func TestHalfOfAGroupIsUnsettled(t *testing.T) {
	for _, first := range []string{"a", "b"} {
		w := pair(t)
		g := w.group()
		require.Empty(t, g.Warnings(), "nobody has been asked")
		require.Equal(t, verify.ErrInProgress, g.Err())
		w.answerOnly(g, first)
		require.Equal(t, verify.ErrInProgress, g.Err())
		require.Empty(t, g.Warnings())
		before := g.Session(first).Time()
		require.ErrorIs(t, g.Refresh(w.now().Add(time.Hour)), verify.ErrInProgress)
		require.Equal(t, before, g.Session(first).Time())
		require.NoError(t, g.Session(first).Err())
		for _, req := range g.Outstanding() {
			require.NoError(t, g.Fail(req.ID, errDown))
		}
		require.NoError(t, g.Err())
		require.NoError(t, g.Refresh(w.now().Add(time.Hour)))
	}
}

// A single lookup that is not decided keeps the group from being settled,
// although no request is open.
func TestUndecidedLookupIsUnsettled(t *testing.T) {
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
