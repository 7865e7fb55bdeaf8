package main

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killer lets a number of bytes pass, and then says so and holds every answer
// back until the client is gone.
type killer struct {
	mu      sync.Mutex
	left    int
	reached chan struct{}
}

func (k *killer) arm(bytes int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.reached = bytes, make(chan struct{})
	return k.reached
}

// pass says how many of n bytes may pass.
func (k *killer) pass(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.reached == nil {
		return n
	}
	n = min(n, k.left)
	if k.left -= n; k.left == 0 && n > 0 {
		close(k.reached)
	}
	return n
}

// wrap counts what a mirror sends; a lying one changes the middle of
// everything.
func (k *killer) wrap(lies bool) reply {
	return func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if data == nil {
			return false
		}
		if lies && strings.HasPrefix(r.URL.Path, "/targets/") {
			data = append([]byte(nil), data...)
			data[len(data)/2] ^= 1
		}
		rw.Header().Set("ETag", `"one"`) // the liar's too: it does not shy away from ETags
		http.ServeContent(&killWriter{rw, r, k}, r, "", time.Time{}, bytes.NewReader(data))
		return true
	}
}

type killWriter struct {
	http.ResponseWriter
	request *http.Request
	killer  *killer
}

func (w *killWriter) Write(p []byte) (int, error) {
	n := w.killer.pass(len(p))
	if _, err := w.ResponseWriter.Write(p[:n]); err != nil || n == len(p) {
		return n, err
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	<-w.request.Context().Done()
	return n, http.ErrAbortHandler
}

// The program is killed after a random number of bytes, again and again.
// Whatever has a target's name is whole and right each time, and in the end
// everything is there.
func TestKilledAtAnyPoint(t *testing.T) {
	const rounds, targets, size = 12, 8, 300_000
	w := newWorld(t, targets, size)
	k := &killer{}
	w.mirror("liar", k.wrap(true))
	w.mirror("honest", k.wrap(false))
	random := rand.New(rand.NewPCG(3, 1))
	kills, goneOn := 0, 0
	for round := range rounds {
		limit := targets * size / 2
		if round%4 == 0 { // early, among the metadata
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
		case err := <-ended: // everything was there before
			require.NoError(t, err)
			w.mustBeRight()
			require.Len(t, w.visible(), targets)
			require.NoError(t, os.RemoveAll(w.dest))
		}
		for _, r := range w.since() {
			if r.Header.Get("Range") != "" {
				goneOn++
			}
		}
	}
	k.arm(1 << 40)
	w.must()
	require.Positive(t, kills)
	t.Logf("killed %d times in %d rounds; %d requests went on with a partial file", kills, rounds, goneOn)
}
