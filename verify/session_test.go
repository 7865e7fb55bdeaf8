package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// What a session says of the files that it trusts.
func TestTrustedContents(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	require.EqualValues(t, 1, c.session.Root().Version)
	require.Nil(t, c.session.Timestamp())
	require.Nil(t, c.session.Snapshot())
	require.Nil(t, c.session.Targets())
	require.Equal(t, c.session.Root().Expires, c.session.Expires())
	c.mustFind("top")
	require.Equal(t, repo.Now(), c.session.Time())
	for role, version := range map[string]int64{
		"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2, "a": 0,
	} {
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

// The same answers give the same batches, in the same order (docs/decisions.md,
// "Deterministic").
func TestDeterministic(t *testing.T) {
	transcript := func() string {
		repo := rich(false, metadata.Classic)
		s := newSession(t, repo, verify.Stored{}, verify.Options{})
		for i := range 20 {
			s.Lookup(fmt.Sprint("a/", i))
		}
		var out strings.Builder
		for b, ok := s.Next(); ok; b, ok = s.Next() {
			fmt.Fprintln(&out, b.Save, b.Fetch)
			for _, l := range b.Done {
				fmt.Fprintln(&out, outcome(l))
			}
			for _, req := range b.Fetch {
				answer(t, s, repo.Metadata(), req)
			}
		}
		return out.String()
	}
	want := transcript()
	for range 5 {
		require.Equal(t, want, transcript())
	}
}
