package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

// watch watches in the background until the test ends it.
func (w *world) watch(what Watch) (stop func() error) {
	ctx, cancel := context.WithCancelCause(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.client.Watch(ctx, what) }()
	return func() error {
		cancel(errStopped)
		return <-ended
	}
}

// sleep lets time pass, and all come to rest.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var errStopped = errors.New("stopped")

// A month in the life of an agent.
func TestWatchAMonth(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var changes []Change
		stop := w.watch(Watch{
			Paths:   []string{"team/app", "later"},
			Changed: func(c Change) error { changes = append(changes, c); return nil },
		})
		synctest.Wait()
		require.Len(t, changes, 1)
		require.Nil(t, changes[0].Old)
		require.Len(t, changes[0].Roles, 4)
		require.Len(t, changes[0].Paths, 2)
		require.Equal(t, "team/app", changes[0].Paths[0].New.Path())
		require.Equal(t, "later", changes[0].Paths[1].Path)
		require.ErrorIs(t, changes[0].Paths[1].Err, verify.ErrNoTarget)

		day := func() { w.sleep(24 * time.Hour) }
		last := func() Change { return changes[len(changes)-1] }
		for range 10 { // the repository publishes twice a day
			w.sleep(12 * time.Hour)
			w.publish(nil)
		}
		require.GreaterOrEqual(t, len(changes), 10)
		require.Empty(t, last().Paths)
		require.Empty(t, of[ExpiryAhead](w.events))

		w.publish(func() { w.repo.Targets().AddTarget("later", []byte("1")) })
		w.sleep(2 * time.Hour)
		require.Equal(t, "later", last().Paths[0].Path)
		require.Nil(t, last().Paths[0].Old)

		w.publish(func() { w.repo.Targets().AddTarget("later", []byte("2")) })
		w.sleep(2 * time.Hour)
		require.NotNil(t, last().Paths[0].Old)
		require.NotNil(t, last().Paths[0].New)

		w.publish(func() { w.repo.Targets().RemoveTarget("later") })
		w.sleep(2 * time.Hour)
		require.Nil(t, last().Paths[0].New)
		require.ErrorIs(t, last().Paths[0].Err, verify.ErrNoTarget)

		// The network is away for two days: the view is in use for one.
		w.publish(nil)
		w.sleep(2 * time.Hour)
		known := len(changes)
		w.mirror.set(down)
		w.sleep(21 * time.Hour)
		require.NotNil(t, w.find("team/app"))
		require.Len(t, of[ExpiryAhead](w.events), 1)
		require.Equal(t, DefaultWarnAhead, of[ExpiryAhead](w.events)[0].Left)
		require.ErrorIs(t, of[ExpiryAhead](w.events)[0].Err, errDown)
		day()
		require.Len(t, of[ExpiryAhead](w.events), 2)
		require.Zero(t, of[ExpiryAhead](w.events)[1].Left)
		_, err := w.client.Find(t.Context(), "team/app")
		require.Error(t, err)
		require.NotEmpty(t, of[Warning](w.events))
		require.Len(t, changes, known)

		w.publish(nil)
		w.mirror.set(nil)
		w.sleep(2 * time.Hour)
		require.Len(t, changes, known+1)
		w.find("team/app")

		// The repository freezes: updates succeed, and nothing is new.
		warnings := len(of[ExpiryAhead](w.events))
		w.sleep(20 * time.Hour)
		require.Len(t, of[ExpiryAhead](w.events), warnings+1)
		require.NoError(t, of[ExpiryAhead](w.events)[warnings].Err)
		w.publish(nil)
		w.sleep(2 * time.Hour)

		// The clock is set back, and far ahead, and right again.
		w.skew.Store(-int64(time.Hour))
		w.sleep(2 * ClockCheck)
		require.WithinDuration(t, w.now(), w.client.View().Time, 2*ClockCheck)
		w.find("team/app")
		w.skew.Store(int64(400 * 24 * time.Hour))
		w.sleep(2 * ClockCheck)
		_, err = w.client.Find(t.Context(), "team/app")
		require.Equal(t, verify.KindExpired, verify.KindOf(err), "%v", err)
		w.skew.Store(0)
		w.sleep(2 * ClockCheck)
		w.find("team/app")

		for range 14 { // and so on
			day()
			w.publish(nil)
		}
		w.sleep(2 * time.Hour)
		require.Equal(t, w.repo.Version("timestamp"), w.timestamp())
		require.ErrorIs(t, stop(), errStopped)
	})
}

// Pauses differ by chance, within a tenth.
func TestWatchJitter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var times []time.Time
		w.mirror.set(func(_ context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			if req.Role == "timestamp" {
				times = append(times, time.Now())
			}
			return body, err
		})
		stop := w.watch(Watch{Every: 10 * time.Minute})
		w.sleep(5 * time.Hour)
		require.ErrorIs(t, stop(), errStopped)
		pauses := map[time.Duration]bool{}
		for i, at := range times[1:] {
			pause := at.Sub(times[i])
			pauses[pause] = true
			require.InDelta(t, 10*time.Minute, pause, float64(time.Minute))
		}
		require.Greater(t, len(pauses), 20)
	})
}

func TestWatchEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		want := errors.New("enough")
		require.ErrorIs(t, w.client.Watch(t.Context(), Watch{Changed: func(Change) error { return want }}), want)

		// While it is updating.
		w.mirror.set(silent)
		stop := w.watch(Watch{})
		synctest.Wait()
		require.ErrorIs(t, stop(), errStopped)
		w.mirror.set(nil)

		// With the client, while it sleeps and after.
		stop = w.watch(Watch{Jitter: -1})
		synctest.Wait()
		require.NoError(t, w.client.Close())
		require.ErrorIs(t, stop(), ErrClosed)
		require.ErrorIs(t, w.client.Watch(t.Context(), Watch{}), ErrClosed)
	})
}

// A first update that fails is said, and tried again soon, then less often.
func TestWatchBeginsWithoutNetwork(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.mirror.set(down)
		stop := w.watch(Watch{Paths: []string{"team/app"}})
		w.sleep(12 * time.Hour)
		n := len(of[Warning](w.events))
		require.Greater(t, n, 12)
		require.Less(t, n, 24)
		w.mirror.set(nil)
		w.sleep(2 * time.Hour)
		require.NotNil(t, w.client.View())
		require.ErrorIs(t, stop(), errStopped)
	})
}

// A path whose role cannot be fetched is as it was: it did not go.
func TestWatchUnknownIsNoChange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var changes []PathChange
		stop := w.watch(Watch{Paths: []string{"team/app"}, Changed: func(c Change) error {
			changes = append(changes, c.Paths...)
			return nil
		}})
		synctest.Wait()
		w.publish(func() { w.repo.Touch("team") })
		w.mirror.set(without("team"))
		w.sleep(2 * time.Hour)
		require.Len(t, changes, 1)
		require.ErrorIs(t, of[Warning](w.events)[0].Err, errDown)
		require.ErrorIs(t, stop(), errStopped)
	})
}

// A watched path that does not exist is told once, as soon as that is known.
func TestWatchAPathThatDoesNotExist(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		first bool // whether the first update can tell
	}{
		"no role may list it":    {"nobody/app", true},
		"its role does not":      {"team/typo", true},
		"its role comes later":   {"team/typo", false},
		"it is not a valid path": {"../app", true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, nil)
				if !c.first {
					w.mirror.set(without("team"))
				}
				var changes []PathChange
				stop := w.watch(Watch{Paths: []string{c.path}, Changed: func(c Change) error {
					changes = append(changes, c.Paths...)
					return nil
				}})
				synctest.Wait()
				if !c.first {
					require.Empty(t, changes)
					w.mirror.set(nil)
				}
				for range 5 {
					w.publish(nil)
					w.sleep(2 * time.Hour)
				}
				require.Len(t, changes, 1)
				require.Equal(t, c.path, changes[0].Path)
				require.Nil(t, changes[0].Old)
				require.Nil(t, changes[0].New)
				require.ErrorIs(t, changes[0].Err, verify.ErrNoTarget)
				require.ErrorIs(t, stop(), errStopped)
			})
		})
	}
}

// without is a mirror that does not send the file of a role.
func without(role string) func(context.Context, verify.Request, []byte, error) ([]byte, error) {
	return func(_ context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
		if req.Role == role {
			return nil, errDown
		}
		return body, err
	}
}
