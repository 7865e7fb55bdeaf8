package gate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
)

// withBins adds 64 bins with a target in each, and has memory for few of them.
func withBins(w *world) {
	top := w.repo.Targets()
	top.DelegateBins("bin", 64)
	for i := range 300 {
		path := fmt.Sprintf("bins/%d", i)
		top.AddToBin(path, []byte(path))
	}
	w.repo.Publish()
	w.m1.Publish(w.repo)
	w.m2.Publish(w.repo)
	corp := w.config.Upstreams["corp"]
	corp.Client.Options.Limits.MaxRetainedBytes = 4000
	w.config.Upstreams["corp"] = corp
}

func (w *world) askAll() {
	w.Helper()
	for i := range 300 {
		path := fmt.Sprintf("bins/%d", i)
		require.Equal(w, "200 OK\n"+path, w.ask("GET /corp/"+path))
	}
}

// When much metadata has come, the view is renewed, and the least recently used
// is left out.
func TestRenewedWhenFull(t *testing.T) {
	w := newWorld(t, withBins)
	views := map[time.Time]bool{}
	for range 3 {
		w.askAll()
		u := w.gate.upstreams["corp"]
		require.Eventually(t, func() bool { return u.came.Load() <= u.room }, 5*time.Second, time.Millisecond)
		u.answers.known.Purge()
		w.sleep(time.Second)
		views[u.client.Load().View().Time] = true
	}
	require.Len(t, views, 3)
}

// The same while no update succeeds: what is saved answers.
func TestFullWithoutUpdates(t *testing.T) {
	w := newWorld(t, withBins)
	w.askAll()
	u := w.gate.upstreams["corp"]
	first := u.client.Load()
	both("/metadata/timestamp.json", clienttest.Status(500))(w)
	require.Eventually(t, func() bool {
		u.answers.known.Purge()
		w.askAll()
		return u.client.Load() != first
	}, 20*time.Second, time.Millisecond)
	u.answers.known.Purge()
	w.askAll()
	require.Contains(t, w.logged(), "what is saved answers")
	w.m1.Heal()
	w.m2.Heal()
	require.Eventually(t, func() bool { return w.refresh() == nil }, 20*time.Second, time.Millisecond,
		"an update that began before may be under way")
	w.askAll()
}
