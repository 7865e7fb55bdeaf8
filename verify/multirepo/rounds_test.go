package multirepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// alone returns in how many rounds one repository by itself answers for a path,
// for a caller who fetches together what is asked for together.
func (w *world) alone(name, path string) (rounds int) {
	w.Helper()
	s, err := verify.New(w.start[name].TrustedRoot, verify.Stored{}, w.now(), w.start[name].Options)
	require.NoError(w, err)
	s.Lookup(path)
	for {
		b, ok := s.Next()
		if !ok {
			require.NoError(w, s.Err())
			return rounds
		}
		if len(b.Fetch) > 0 {
			rounds++
		}
		for _, req := range b.Fetch {
			if data, ok := w.repos[name].Metadata()[req.Path]; ok {
				require.NoError(w, s.Provide(req.ID, data))
			} else {
				require.NoError(w, s.NotFound(req.ID))
			}
		}
	}
}

// Repositories of different depth, age and layout: a group waits as often as
// the slowest of them, not as often as all of them one after the other.
func TestRounds(t *testing.T) {
	for _, lookahead := range []int{0, 64} {
		w := newWorld(t)
		w.add("flat", plain, files{"x": "same"})
		deep := w.add("deep", plain, nil)
		role := deep.Targets()
		for _, name := range []string{"one", "two", "three"} {
			role = role.Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}})
		}
		role.AddTarget("x", []byte("same"))
		deep.Publish()
		old := w.add("old", plain, files{"x": "same"})
		for range 5 {
			old.PublishOnly("root")
		}
		most, sum := 0, 0
		for name, start := range w.start {
			start.Options = verify.Options{Lookahead: lookahead}
			w.start[name] = start
			n := w.alone(name, "x")
			most, sum = max(most, n), sum+n
		}
		w.entry("x", "flat,deep,old", 3, true)
		w.entry("*", "flat", 1, false)
		w.entry("*", "deep", 1, true)
		g := w.group()
		l := g.Lookup("x")
		require.Equal(t, most, w.drive(g), "Lookahead %d; one after the other it would be %d", lookahead, sum)
		require.Less(t, most, sum)
		_, err := l.Target()
		require.NoError(t, err)
		// Later entries cost rounds of their own, and only where they are
		// asked.
		g = w.group()
		w.drive(g)
		g.Lookup("nothing")
		require.Equal(t, 3, w.drive(g), "flat has nothing more to ask for, deep has three roles below each other")
	}
}
