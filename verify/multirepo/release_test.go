package multirepo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A group that lives long does not retain lookups that are done or dropped,
// whether Next or Run handed them out.
func TestFinishedLookupsAreForgotten(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "role", Paths: []string{"*"}}).AddTarget("x", []byte("x"))
	repo.Publish()
	m, err := metadata.ParseMap([]byte(`{"repositories": {"a": ["https://example.com"]},
		"mapping": [{"paths": ["x"], "repositories": ["a"], "threshold": 1, "terminating": true}]}`))
	require.NoError(t, err)
	g, err := New(m, map[string]Repository{"a": {TrustedRoot: repo.TrustedRoot()}}, repo.Now(), Options{})
	require.NoError(t, err)
	source := repo.Metadata().Source()

	g.Drop(g.Lookup("x"))
	require.Empty(t, g.waiting)
	require.Empty(t, g.pending)

	l := g.Lookup("x")
	require.Len(t, g.waiting, 1)
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		for _, req := range b.Fetch {
			if data, err := source(t.Context(), req); err != nil {
				require.NoError(t, g.NotFound(req.ID))
			} else {
				require.NoError(t, g.Provide(req.ID, data))
			}
		}
	}
	_, err = l.Target()
	require.NoError(t, err)
	require.Empty(t, g.waiting)
	require.Empty(t, g.pending)

	l = g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), nil, map[string][]verify.Source{"a": {source}}))
	_, err = l.Target()
	require.NoError(t, err)
	require.Empty(t, g.waiting)
	require.Empty(t, g.pending)
	require.Empty(t, g.answered)
	require.Empty(t, g.queue)
}
