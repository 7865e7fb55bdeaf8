package client

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// Each Find tells what it found, and the way to it.
func TestSearched(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.find("team/app")
		_, err := w.client.Find(t.Context(), "team/nothing")
		require.ErrorIs(t, err, verify.ErrNoTarget)
		w.mirror.set(down)
		time.Sleep(48 * time.Hour)
		_, expired := w.client.Find(t.Context(), "top")
		require.Error(t, expired)

		seen := of[Searched](w.events)
		require.Len(t, seen, 3)
		require.Equal(t, "team/app", seen[0].Path)
		require.NoError(t, seen[0].Err)
		require.Equal(t, []string{"targets false", "team true"}, lists(seen[0]))
		require.Equal(t, err, seen[1].Err)
		require.Equal(t, []string{"targets false", "team false"}, lists(seen[1]))
		require.Equal(t, expired, seen[2].Err)
		require.Empty(t, seen[2].Trail, "there was no view to search in")
	})
}

func TestSearchedInSeveral(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m, private, public := twoRepos(t)
		ahead, seen := time.Until(private.Now()), &events{}
		c, err := Open(Config{
			Map: m, Repositories: map[string]Repository{
				"private": {TrustedRoot: private.TrustedRoot(), Sources: []Source{newMirror("a", private)}},
				"public":  {TrustedRoot: public.TrustedRoot(), Sources: []Source{newMirror("b", public)}},
			},
			Now: func() time.Time { return time.Now().Add(ahead) }, Observe: seen.observe,
		})
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Find(t.Context(), "app")
		require.NoError(t, err)
		found := of[Searched](seen)
		require.Len(t, found, 1)
		require.Len(t, found[0].Entries, 1)
		require.Empty(t, found[0].Trail)
	})
}

// lists says of each step whether the role lists the target.
func lists(e Searched) (list []string) {
	for _, step := range e.Trail {
		list = append(list, fmt.Sprint(step.Role, " ", step.Lists))
	}
	return list
}
