package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Decision 10: the same answers, the same words.
func TestDeterministic(t *testing.T) {
	transcript := func() string {
		repo := rich(false, metadata.Classic)
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		for i := range 20 {
			s.Lookup(fmt.Sprint("a/", i))
		}
		var out strings.Builder
		for {
			b, ok := s.Next()
			if !ok {
				return out.String()
			}
			fmt.Fprintln(&out, b.Save, b.Fetch)
			for _, l := range b.Done {
				fmt.Fprintln(&out, outcome(l))
			}
			for _, req := range b.Fetch {
				if data, err := repo.Metadata().Source()(req); err == nil {
					require.NoError(t, s.Provide(req.ID, data))
				} else {
					require.NoError(t, s.NotFound(req.ID))
				}
			}
		}
	}
	want := transcript()
	for range 5 {
		require.Equal(t, want, transcript())
	}
}
