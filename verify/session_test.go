package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIntrospection(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	require.EqualValues(t, 1, c.session.Root().Version)
	require.Nil(t, c.session.Timestamp())
	require.Nil(t, c.session.Snapshot())
	require.Nil(t, c.session.Targets())
	require.Equal(t, c.session.Root().Expires, c.session.Expires())
	c.mustFind("top")
	require.Equal(t, repo.Now(), c.session.Time())
	for role, version := range map[string]int64{"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2, "a": 0} {
		require.Equal(t, version, c.session.Version(role))
	}
	require.EqualValues(t, 2, c.session.Timestamp().Snapshot().Version)
	info, ok := c.session.Snapshot().File("a")
	require.True(t, ok)
	require.EqualValues(t, 1, info.Version)
	_, ok = c.session.Targets().File("top")
	require.True(t, ok)
	require.Equal(t, c.session.Timestamp().Expires, c.session.Expires(), "the first to expire")
}
