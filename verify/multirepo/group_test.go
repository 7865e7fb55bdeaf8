package multirepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Versions and times of expiry are each repository's own.
func TestVersionAndExpires(t *testing.T) {
	w := pair(t)
	w.repos["a"].SetLifetime(metadata.RoleTimestamp, 2*time.Hour)
	w.repos["b"].SetLifetime(metadata.RoleTimestamp, 3*time.Hour)
	w.repos["a"].Publish()
	w.repos["b"].Publish()
	w.repos["b"].Publish()
	g := w.group()
	require.Equal(t, []string{"a", "b"}, g.Repositories())
	require.Zero(t, g.Version("a", metadata.RoleTimestamp))
	require.NoError(t, g.Run(t.Context(), nil, w.sources()))
	require.EqualValues(t, 3, g.Version("a", metadata.RoleTimestamp))
	require.EqualValues(t, 4, g.Version("b", metadata.RoleTimestamp))
	require.Zero(t, g.Version("c", metadata.RoleTimestamp))
	require.Equal(t, w.repos["a"].Now().Add(2*time.Hour), g.Expires("a"))
	require.Equal(t, w.repos["b"].Now().Add(3*time.Hour), g.Expires("b"))
	require.True(t, g.Expires("c").IsZero())
}

// A warning about a stored file says which repository it is about.
func TestWarnings(t *testing.T) {
	w := pair(t)
	w.mustFind("x", "same", "a", "b")
	require.NoError(t, w.stores["b"].Save(t.Context(), verify.Record{StoreName: "snapshot.json", Data: []byte("junk")}))
	g := w.group()
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	warnings := g.Warnings()
	require.Len(t, warnings, 1)
	require.ErrorContains(t, warnings[0], `repository "b": snapshot: `)
	require.ErrorIs(t, warnings[0], verify.ErrStoredFile)
}
