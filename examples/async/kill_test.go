package main

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program is killed after a random number of bytes, again and again. Each
// time, all files in place have the right content. In the end all targets are
// in place.
func TestKilledAtAnyPoint(t *testing.T) {
	const rounds, targets, size = 12, 8, 300_000
	w := newWorld(t, targets, size)
	k := &killer{}
	w.mirror("liar", k.wrap(true))
	w.mirror("honest", k.wrap(false))
	random := rand.New(rand.NewPCG(3, 1))
	kills, resumed := 0, 0
	for round := range rounds {
		limit := targets * size / 2
		if round%4 == 0 { // early, during the metadata
			limit = 20_000
			require.NoError(t, os.RemoveAll(w.cache))
		}
		reached := k.arm(1 + random.IntN(limit))
		cmd := program(t, nil, w.args()...)
		require.NoError(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-reached:
			require.NoError(t, cmd.Process.Kill())
			<-ended
			kills++
			w.mustBeRight()
		case err := <-ended: // all bytes came before
			require.NoError(t, err)
			w.mustBeRight()
			require.Len(t, w.visible(), targets)
			require.NoError(t, os.RemoveAll(w.dest))
			require.NoError(t, os.Mkdir(w.dest, 0o755))
		}
		for _, r := range w.since() {
			if r.Header.Get("Range") != "" {
				resumed++
			}
		}
	}
	k.arm(1 << 40)
	w.must()
	require.Positive(t, kills)
	t.Logf("killed %d times in %d rounds; %d requests resumed a partial file", kills, rounds, resumed)
}
