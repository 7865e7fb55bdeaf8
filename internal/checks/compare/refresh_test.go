package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A refresh fetches what is another file, and nothing else, however often the
// view is refreshed: the timestamp, the snapshot, and the bins that changed and
// are looked up. The question for a newer root is one more request.
func TestRefreshFetchesWhatChanged(t *testing.T) {
	v := &longView{limit: 64_000_000}
	require.NoError(t, v.play(t.Context(), 8, 300))
	require.Equal(t, 4+1<<8, v.points[0].requests) // the targets role, too
	for _, p := range v.points[1:] {
		require.Equal(t, 3+2, p.requests, p.n)
	}
}

// With a limit that few bins fit in, bins are fetched again, and the answers
// are right.
func TestRefreshWithinALimit(t *testing.T) {
	v := &longView{limit: 2_000}
	require.NoError(t, v.play(t.Context(), 8, 300))
	for _, p := range v.points[1:] {
		require.LessOrEqual(t, p.requests, 4+2, p.n)
	}
}
