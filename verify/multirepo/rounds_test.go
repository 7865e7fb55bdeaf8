package multirepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Repositories of different depth, age and layout: a group needs as many rounds
// of requests as the slowest of them, not the sum of all.
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
		w.setOptions(verify.Options{Lookahead: lookahead})
		most, sum := 0, 0
		for name := range w.start {
			n := w.alone(name, "x")
			most, sum = max(most, n), sum+n
		}
		w.entry("x", "flat,deep,old", 3, true)
		w.entry("*", "flat", 1, false)
		w.entry("*", "deep", 1, true)
		g := w.group()
		l := g.Lookup("x")
		require.Equal(t, most, w.drive(g), "Lookahead %d; the sum is %d", lookahead, sum)
		require.Less(t, most, sum)
		_, err := l.Target()
		require.NoError(t, err)
		// Later entries cost rounds of their own, and only if they are asked.
		g = w.group()
		w.drive(g)
		g.Lookup("nothing")
		require.Equal(t, 3, w.drive(g), "flat has no more files to ask for, deep has three levels of roles")
	}
}
