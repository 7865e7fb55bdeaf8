package multirepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Run works without stores. With the stores of an earlier run it asks for no
// more than it has to.
func TestRunWithStores(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)

	w.find("x")
	w.asked = nil
	g = w.group()
	l = g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
	require.Equal(t, []string{"a 2.root.json", "a timestamp.json", "b 2.root.json", "b timestamp.json"}, w.asked)

	// A source for a repository that does not exist changes nothing. A
	// repository without a source gives no answer.
	g = w.group()
	l = g.Lookup("x")
	sources := map[string][]verify.Source{"a": w.sources()["a"], "B": w.sources()["b"]}
	require.NoError(t, g.Run(t.Context(), nil, sources))
	_, err = l.Target()
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorContains(t, err, "there is no live source")
}

// Run does not decide on lookups while requests are open that Next has handed
// out. An answer that has not come yet is not a missing answer.
func TestRunAfterNext(t *testing.T) {
	w := pair(t)
	g := w.group()
	l := g.Lookup("x")
	b, ok := g.Next()
	require.True(t, ok)
	require.Len(t, b.Fetch, 2)
	for _, req := range b.Fetch {
		require.ErrorIs(t, g.Run(t.Context(), nil, w.sources()), verify.ErrInProgress)
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrPending)
		require.NoError(t, g.NotFound(req.ID)) // there is no newer root
	}
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
	_, err := l.Target()
	require.NoError(t, err)
}
