package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
)

// Clients that ask and go away leave no more searches behind than there is room
// for, though the mirrors keep silent.
func TestAbandonedSearches(t *testing.T) {
	w := newWorld(t, withBins)
	require.Equal(t, "404 Not Found", w.ask("HEAD /corp/bins/none")) // there is a view
	both("/metadata/*", clienttest.Silence())(w)
	w.askAndLeave()
	w.m1.Heal()
	w.m2.Heal()
	require.Equal(t, "200 OK\nbins/1", w.ask("GET /corp/bins/1"))
}

// That clients went away is no failure of the upstream: the next one asks.
func TestAbandonedBeforeTheFirstView(t *testing.T) {
	w := newWorld(t, withBins, func(w *world) { both("/metadata/*", clienttest.Silence())(w) })
	w.askAndLeave()
	require.NoError(t, w.gate.upstreams["corp"].failure())
}

// askAndLeave has clients ask for more than goes on without them.
func (w *world) askAndLeave() {
	before := runtime.NumGoroutine()
	gone, leave := context.WithCancel(context.Background())
	leave()
	for i := range 4 * maxAbandoned {
		r := httptest.NewRequest(http.MethodHead, fmt.Sprintf("/corp/bins/none%d", i), nil).WithContext(gone)
		require.PanicsWithValue(w, http.ErrAbortHandler, func() { w.gate.ServeHTTP(httptest.NewRecorder(), r) })
	}
	require.Eventually(w, func() bool { return runtime.NumGoroutine() < before+2*maxAbandoned },
		5*time.Second, 10*time.Millisecond)
}
