package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// world is a client, its repository and one mirror. Its clock is the
// repository's at the start, and goes on with the bubble's.
type world struct {
	*testing.T
	repo   *verifytest.Repo
	mirror *mirror
	client *Client
	events *events
	skew   atomic.Int64
}

// newWorld must be called in a bubble of synctest.
func newWorld(t *testing.T, change func(*Config)) *world {
	w := &world{T: t, events: &events{}}
	w.repo = verifytest.New(verifytest.Options{Start: time.Now()})
	team := w.repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app", []byte("hello"))
	w.repo.Targets().AddTarget("top", []byte("top"))
	w.repo.Publish()
	w.mirror = newMirror("a", w.repo)
	w.client = w.open(change)
	return w
}

func (w *world) config() Config {
	return Config{TrustedRoot: w.repo.TrustedRoot(), Sources: []Source{w.mirror}, Observe: w.events.observe, Now: w.now}
}

func (w *world) open(change func(*Config)) *Client {
	config := w.config()
	if change != nil {
		change(&config)
	}
	c, err := Open(config)
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, c.Close()) })
	return c
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }

// publish publishes with the repository's clock at the bubble's.
func (w *world) publish(edit func()) {
	w.mirror.mu.Lock()
	defer w.mirror.mu.Unlock()
	w.repo.Advance(time.Since(w.repo.Now()))
	if edit != nil {
		edit()
	}
	w.repo.Publish()
}

func (w *world) find(path string) *File {
	w.Helper()
	f, err := w.client.Find(w.Context(), path)
	require.NoError(w, err)
	return f
}

func (w *world) timestamp() int64 { return w.client.View().Repositories[0].Timestamp }

// inBubble runs a test with a fake clock.
func inBubble(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

func TestFindUpdatesWhenTheViewIsOld(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Nil(t, w.client.View())
		require.Zero(t, w.client.Expires())
		f := w.find("team/app")
		require.Equal(t, "team/app", f.Path())
		require.EqualValues(t, 5, f.Length())
		first := w.client.View()
		require.Equal(t, first.Expires, w.client.Expires())

		requests := len(w.mirror.paths())
		w.find("team/app")
		require.Len(t, w.mirror.paths(), requests, "nothing is asked for while the view is young")

		time.Sleep(DefaultMaxAge)
		w.publish(nil)
		w.find("team/app")
		require.Greater(t, w.timestamp(), first.Repositories[0].Timestamp)
		changed := of[ViewChanged](w.events)
		require.Len(t, changed, 2)
		require.Nil(t, changed[0].Old)
		require.Equal(t, first, changed[1].Old)

		_, err := w.client.Find(t.Context(), "nothing")
		require.Equal(t, verify.KindNoTarget, verify.KindOf(err))
	})
}

// A refresh that fails leaves the last good view in use until it expires.
func TestLastGoodView(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.find("top")
		w.mirror.set(down)
		time.Sleep(DefaultMaxAge)
		w.find("top")
		require.Len(t, of[Warning](w.events), 1)
		require.ErrorIs(t, of[Warning](w.events)[0].Err, errDown)

		// The network is not asked with each Find.
		requests := len(w.mirror.paths())
		w.find("top")
		require.Len(t, w.mirror.paths(), requests)
		time.Sleep(RetryAfter)
		w.find("top")
		require.Greater(t, len(w.mirror.paths()), requests)

		time.Sleep(time.Until(w.client.Expires()) - time.Second)
		w.find("top")
		time.Sleep(time.Second)
		_, err := w.client.Find(t.Context(), "top")
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, w.client.Refresh(t.Context()), errDown)

		w.mirror.set(nil)
		w.publish(nil)
		w.find("top")
	})
}

// After an update that knows a newer root, neither view is used.
func TestNewerRootEndsTheLastGoodView(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.find("top")
		w.publish(func() { w.repo.Rotate("timestamp", 1, w.repo.Key("new")) })
		w.mirror.set(only(down, "timestamp.json"))
		time.Sleep(DefaultMaxAge)
		_, err := w.client.Find(t.Context(), "top")
		require.ErrorIs(t, err, errDown)
		require.Nil(t, w.client.View())

		// The mirror hides the root again: it is known nevertheless.
		w.mirror.set(func(_ context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			if strings.HasSuffix(req.Path, "root.json") {
				return nil, verify.ErrNotAtSource
			}
			return body, err
		})
		require.NoError(t, w.client.Refresh(t.Context()))
		require.EqualValues(t, 2, w.client.View().Repositories[0].Root)
	})
}

// The newer root is known although the store has lost it.
func TestNewerRootIsRemembered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := verifytest.Store{}
		w := newWorld(t, func(c *Config) { c.Store = store })
		old := w.repo.Metadata().Clone()
		w.find("top")
		w.publish(func() { w.repo.Rotate("timestamp", 1, w.repo.Key("new")) })
		w.mirror.set(only(down, "timestamp.json"))
		require.ErrorIs(t, w.client.Refresh(t.Context()), errDown)
		require.Nil(t, w.client.View())

		clear(store)
		w.mirror.set(nil)
		w.mirror.serve(func() verifytest.Files { return old })
		require.Error(t, w.client.Refresh(t.Context()))
		require.Nil(t, w.client.View())
	})
}

func TestRefreshIsOneFlight(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.mirror.latency = time.Second
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := w.client.Find(t.Context(), "team/app")
				require.NoError(t, err)
			})
		}
		all.Wait()
		asked := map[string]int{}
		for _, path := range w.mirror.paths() {
			asked[path]++
			require.Equal(t, 1, asked[path], path)
		}
	})
}

// One that waits no more does not end the update of the others; the last one
// does.
func TestWaitersComeAndGo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.mirror.latency = time.Second
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := w.client.Find(short, "top")
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
		all.Go(func() { require.NoError(t, w.client.Refresh(t.Context())) })
		all.Wait()

		w.mirror.set(silent)
		short, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.client.Refresh(short), context.DeadlineExceeded)
		synctest.Wait()
		require.Zero(t, w.mirror.at, "nobody waits for the mirror any more")

		_, err := w.client.Find(short, "team/app")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.Zero(t, w.mirror.at)
		w.mirror.set(nil)
		w.find("team/app")
	})
}

func TestCloseEndsAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.find("top")
		w.mirror.set(silent)
		errs := make(chan error, 2)
		go func() { errs <- w.client.Refresh(t.Context()) }()
		go func() {
			_, err := w.client.Find(t.Context(), "team/app")
			errs <- err
		}()
		synctest.Wait()
		require.NoError(t, w.client.Close())
		require.ErrorIs(t, <-errs, ErrClosed)
		require.ErrorIs(t, <-errs, ErrClosed)
		_, err := w.client.Find(t.Context(), "top")
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, w.client.Refresh(t.Context()), ErrClosed)
		require.Equal(t, verify.KindMistake, verify.KindOf(err))
	})
}

// A listed file that is gone, or another one now, makes the client update once
// and ask again.
func TestListedFileIsGone(t *testing.T) {
	for _, consistent := range []bool{true, false} {
		t.Run(fmt.Sprint("consistent snapshots ", consistent), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.repo.SetConsistentSnapshot(consistent)
				w.publish(nil)
				w.find("top")
				before := w.timestamp()
				w.publish(func() { w.repo.Role("team").AddTarget("team/new", []byte("new")) })
				for name := range w.repo.Metadata() { // old versions are deleted
					if strings.HasSuffix(name, ".team.json") && name != w.repo.FileName("team") {
						delete(w.repo.Metadata(), name)
					}
				}
				w.find("team/new")
				require.Greater(t, w.timestamp(), before)

				// It is gone for good: the client asks again once.
				w.publish(func() { w.repo.Role("team").AddTarget("team/newer", []byte("new")) })
				time.Sleep(DefaultMaxAge)
				w.find("top")
				delete(w.repo.Metadata(), w.repo.FileName("team"))
				asked := len(w.mirror.paths())
				_, err := w.client.Find(t.Context(), "team/newer")
				require.ErrorIs(t, err, verify.ErrNotAtSource)
				require.Equal(t, verify.KindUnreachable, verify.KindOf(err))
				n := 0
				for _, path := range w.mirror.paths()[asked:] {
					if strings.HasSuffix(path, "team.json") {
						n++
					}
				}
				require.Equal(t, 2, n)
			})
		})
	}
}

// movesOn has the repository publish a newer file of a role when somebody asks
// for the one of now, which is gone then.
func (w *world) movesOn(role string) *bool {
	old, moved := w.repo.FileName(role), false
	w.mirror.set(func(_ context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
		if req.Path != old {
			return body, err
		}
		if !moved {
			moved = true
			w.publish(func() { w.repo.Touch(role) })
		}
		return nil, verify.ErrNotAtSource
	})
	return &moved
}

// The same, right after the update.
func TestListedFileIsGoneAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		moved := w.movesOn("team")
		w.find("team/app")
		require.True(t, *moved)
	})
}

// The repository publishes between the timestamp and the snapshot.
func TestUpdateBeginsAgainWhenTheRepositoryMovesOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Options.Lookahead = -1 })
		moved := w.movesOn("snapshot")
		w.find("top")
		require.True(t, *moved)
	})
}

// The clock decides on every answer as it is given, on a "no" too.
func TestAnswersExpire(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MaxAge = 1000 * time.Hour })
		w.repo.SetLifetime("team", time.Hour)
		w.publish(func() { w.repo.Touch("team") })
		w.find("team/app")
		time.Sleep(time.Hour)
		for _, path := range []string{"team/app", "team/nothing"} {
			_, err := w.client.Find(t.Context(), path)
			require.ErrorIs(t, err, verify.ErrExpired, path)
		}
		w.publish(func() { w.repo.Touch("team") })
		w.find("team/app")
		_, err := w.client.Find(t.Context(), "team/nothing")
		require.Equal(t, verify.KindNoTarget, verify.KindOf(err))
	})
}

// An answer that expires while a lookup waits for a slow mirror is no answer.
func TestAnswersExpireMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Options.Lookahead = -1 })
		w.repo.SetLifetime("team", time.Hour)
		last := 0 // the update after which the mirror is down
		updates := 0
		w.mirror.set(func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			switch req.Role {
			case "root":
				updates++
				w.publish(func() { w.repo.Touch("team") })
				if last > 0 && updates > last {
					return nil, errDown
				}
			case "team":
				return body, sleep(ctx, 2*time.Hour)
			}
			return body, err
		})
		expired := new(ExpiredError)
		_, err := w.client.Find(t.Context(), "team/app")
		require.ErrorAs(t, err, &expired)
		require.NoError(t, expired.Err)
		require.Equal(t, 2, updates)
		require.Equal(t, verify.KindExpired, verify.KindOf(err))

		last = updates + 1
		_, err = w.client.Find(t.Context(), "team/app")
		require.ErrorAs(t, err, &expired)
		require.ErrorIs(t, expired.Err, errDown)
	})
}

// Another process is ahead: the client begins again from the store.
func TestSuperseded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		w := newWorld(t, func(c *Config) { c.Folder, c.Options.Lookahead = dir, -1 })
		w.find("top")
		other := w.open(func(c *Config) { c.Folder = dir })

		// While this client fetches its timestamp, the other one stores a newer
		// one.
		w.publish(nil)
		behind := w.repo.Metadata().Clone()
		times := 0
		w.mirror.set(func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			if req.Role != "timestamp" || times > 0 {
				return body, err
			}
			times++
			w.publish(nil)
			require.NoError(t, other.Refresh(ctx))
			return behind["timestamp.json"], nil
		})
		require.NoError(t, w.client.Refresh(t.Context()))
		require.EqualValues(t, w.repo.Version("timestamp"), w.timestamp())

		// It gives up after a few times.
		times = 0
		w.mirror.set(func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			if req.Role != "timestamp" {
				return body, err
			}
			times++
			w.publish(nil)
			body = w.repo.Metadata()["timestamp.json"]
			w.publish(nil)
			fresh := newMirror("other", w.repo)
			o := w.open(func(c *Config) { c.Folder, c.Sources = dir, []Source{fresh} })
			require.NoError(t, o.Refresh(ctx))
			return body, nil
		})
		err := w.client.Refresh(t.Context())
		require.Equal(t, verify.KindSuperseded, verify.KindOf(err), "%v", err)
		require.Equal(t, 1+MaxAgain, times)
	})
}

// A clock that was set back begins a session of its own; the store still
// protects.
func TestClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.skew.Store(int64(3 * time.Hour))
		w.find("top")
		w.skew.Store(0)
		old := w.client.View()
		w.find("top")
		require.True(t, w.client.View().Time.Before(old.Time))

		// The time that has passed counts, whatever the clock says.
		time.Sleep(DefaultMaxAge)
		w.skew.Store(-int64(DefaultMaxAge - time.Minute))
		asked := len(w.mirror.paths())
		w.find("top")
		require.Greater(t, len(w.mirror.paths()), asked)
		w.skew.Store(0)

		// Far ahead, everything has expired. When it is right again, so is all.
		w.skew.Store(int64(10 * 365 * 24 * time.Hour))
		_, err := w.client.Find(t.Context(), "top")
		require.Equal(t, verify.KindExpired, verify.KindOf(err))
		w.skew.Store(0)
		w.find("top")

		// A rollback is found after the clock was set back, too.
		frozen := w.repo.Metadata().Clone()
		w.publish(nil)
		require.NoError(t, w.client.Refresh(t.Context()))
		w.skew.Store(-int64(time.Hour))
		w.mirror.serve(func() verifytest.Files { return frozen })
		err = w.client.Refresh(t.Context())
		require.Equal(t, verify.KindRollback, verify.KindOf(err), "%v", err)
	})
}

func TestOffline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		w := newWorld(t, func(c *Config) { c.Folder = dir })
		w.find("team/app")
		saved := w.client.View()
		before, err := os.ReadDir(dir)
		require.NoError(t, err)

		records := len(of[Saved](w.events))

		offline := w.open(func(c *Config) { c.Folder, c.Sources, c.Offline = dir, nil, true })
		time.Sleep(time.Hour)
		f, err := offline.Find(t.Context(), "team/app")
		require.NoError(t, err)
		require.EqualValues(t, 5, f.Length())
		require.Equal(t, saved.Repositories[0].Timestamp, offline.View().Repositories[0].Timestamp)
		require.Len(t, of[Saved](w.events), records, "nothing is saved")
		require.ErrorIs(t, offline.Forget(t.Context()), ErrOffline)
		after, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, after, len(before))

		time.Sleep(time.Until(saved.Expires))
		_, err = offline.Find(t.Context(), "team/app")
		require.ErrorIs(t, err, verify.ErrExpired)
	})
}

// A chain from the network that contradicts a saved root ends the update.
func TestContradiction(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		w := newWorld(t, func(c *Config) { c.Folder = dir })
		w.publish(func() { w.repo.Rotate("root", 1, w.repo.Key("new")) })
		w.find("top")
		require.NoError(t, os.Remove(filepath.Join(dir, "2.root.json"))) // or the network would not be asked

		// A thief of the old root key has made another second root.
		thief := verifytest.New(verifytest.Options{Start: time.Now()})
		thief.Targets().AddTarget("top", []byte("evil"))
		thief.Rotate("root", 1, thief.Key("thief"))
		thief.Publish()
		require.Equal(t, w.repo.TrustedRoot(), thief.TrustedRoot())
		w.mirror.serve(thief.Metadata)
		c := w.open(func(c *Config) { c.Folder = dir })
		_, err := c.Find(t.Context(), "top")
		require.ErrorIs(t, err, ErrContradiction)
		require.ErrorContains(t, err, dir)
		require.ErrorContains(t, err, "Forget")

		// The roots end before the saved one.
		old := verifytest.New(verifytest.Options{Start: time.Now()})
		w.mirror.serve(old.Metadata)
		c = w.open(func(c *Config) { c.Folder = dir })
		_, err = c.Find(t.Context(), "top")
		require.ErrorIs(t, err, ErrContradiction)
		require.Equal(t, verify.KindRollback, verify.KindOf(err))

		w.mirror.serve(thief.Metadata)
		require.NoError(t, c.Forget(t.Context()))
		_, err = c.Find(t.Context(), "top")
		require.NoError(t, err)
	})
}

func TestForgetEndsTheUpdateUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.find("top")
		w.mirror.set(silent)
		errs := make(chan error, 1)
		go func() { errs <- w.client.Refresh(t.Context()) }()
		synctest.Wait()
		require.NoError(t, w.client.Forget(t.Context()))
		require.ErrorIs(t, <-errs, errForgotten)
		require.Nil(t, w.client.View())
	})
}

// Another repository's store is set aside, and said.
func TestSetAside(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		w := newWorld(t, func(c *Config) { c.Folder = dir })
		w.find("top")
		other := verifytest.New(verifytest.Options{Seed: "other", Start: time.Now()})
		c := w.open(func(c *Config) {
			c.Folder, c.TrustedRoot, c.Sources = dir, other.TrustedRoot(), []Source{newMirror("b", other)}
		})
		require.NoError(t, c.Refresh(t.Context()))
		require.NoError(t, c.Refresh(t.Context()))
		require.Len(t, of[Warning](w.events), 1)
		aside := new(SetAsideError)
		require.ErrorAs(t, of[Warning](w.events)[0].Err, &aside)
		require.DirExists(t, aside.SetAside)
		require.ErrorContains(t, aside, aside.SetAside)
	})
}

func TestConfigMistakes(t *testing.T) {
	repo := teamRepo()
	good := func() Config {
		return Config{TrustedRoot: repo.TrustedRoot(), Sources: []Source{newMirror("a", repo)}, Now: repo.Now}
	}
	m, private, public := twoRepos(t)
	both := map[string]Repository{
		"private": {TrustedRoot: private.TrustedRoot(), Metadata: []string{"https://a.example"}, Folder: t.TempDir()},
		"public":  {TrustedRoot: public.TrustedRoot(), Metadata: []string{"https://b.example"}},
	}
	shared := map[string]Repository{"private": both["private"], "public": both["private"]}
	for field, change := range map[string]func(*Config){
		"TrustedRoot: is missing":                  func(c *Config) { c.TrustedRoot = nil },
		"TrustedRoot: initial trusted root":        func(c *Config) { c.TrustedRoot = []byte("{}") },
		"Metadata: is missing":                     func(c *Config) { c.Sources = nil },
		"Metadata and Sources":                     func(c *Config) { c.Metadata = []string{"https://a.example"} },
		"Folder and Store":                         func(c *Config) { c.Folder, c.Store = "x", NewMemory() },
		"Folder: is missing":                       func(c *Config) { c.Offline = true },
		"Map: there are Repositories, and no Map":  func(c *Config) { c.Repositories = both },
		"TrustedRoot, URLs and Folder":             func(c *Config) { c.Map, c.Repositories = m, both },
		"Map: repository":                          func(c *Config) { *c = Config{Map: m} },
		"].Folder: another repository has the sam": func(c *Config) { *c = Config{Map: m, Repositories: shared} },
	} {
		config := good()
		change(&config)
		c, err := Open(config)
		require.Nil(t, c)
		require.ErrorIs(t, err, ErrConfig, field)
		require.ErrorContains(t, err, field)
		require.Equal(t, verify.KindMistake, verify.KindOf(err), field)
	}
}

// A client of several repositories (TAP 4).
func TestMap(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m, private, public := twoRepos(t)
		now := time.Until(private.Now())
		a, b := newMirror("a", private), newMirror("b", public)
		seen := &events{}
		c, err := Open(Config{
			Map: m, Repositories: map[string]Repository{
				"private": {TrustedRoot: private.TrustedRoot(), Sources: []Source{a}, Folder: filepath.Join(t.TempDir(), "a")},
				"public":  {TrustedRoot: public.TrustedRoot(), Sources: []Source{b}},
			},
			Now: func() time.Time { return time.Now().Add(now) }, Observe: seen.observe,
		})
		require.NoError(t, err)
		defer c.Close()

		// Nobody waits for a repository that has no say.
		b.set(silent)
		began := time.Now()
		f, err := c.Find(t.Context(), "app")
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
		require.NotNil(t, f.Agreed())
		require.Nil(t, f.Target())
		require.EqualValues(t, 3, f.Length())
		synctest.Wait()
		require.Zero(t, b.at)
		require.Len(t, of[ViewChanged](seen), 1)

		// The same view goes on with it when somebody asks.
		b.set(nil)
		_, err = c.Find(t.Context(), "lib")
		require.NoError(t, err)
		require.Len(t, of[ViewChanged](seen), 1)
		_, err = c.Find(t.Context(), "nothing")
		require.ErrorIs(t, err, verify.ErrNoTarget)
		view := c.View()
		require.Len(t, view.Repositories, 2)
		require.NotZero(t, view.Repositories[1].Targets)

		// A repository that is down answers from its earlier view.
		require.NoError(t, c.Refresh(t.Context()))
		b.set(down)
		time.Sleep(DefaultMaxAge)
		_, err = c.Find(t.Context(), "lib")
		require.NoError(t, err)
		a.set(down)
		require.Error(t, c.Refresh(t.Context()))
		_, err = c.Find(t.Context(), "app")
		require.NoError(t, err)

		// Until that expires.
		time.Sleep(48 * time.Hour)
		_, err = c.Find(t.Context(), "lib")
		require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	})
}

// Many goroutines at once, with updates between.
func TestConcurrentUse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MaxAge = time.Millisecond })
		w.mirror.latency = time.Millisecond
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for j := range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*j)%9)*time.Millisecond)
					_, err := w.client.Find(ctx, []string{"team/app", "top", "nothing"}[j%3])
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						require.ErrorIs(t, err, verify.ErrNoTarget)
					}
					cancel()
				}
			})
		}
		all.Wait()
		w.find("team/app")
	})
}

// Another process stores a newer root while a lookup fetches a role: the lookup
// begins again from the store.
func TestLookupIsSuperseded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := NewMemory()
		w := newWorld(t, func(c *Config) { c.Store = store })
		w.find("top")
		other := w.open(func(c *Config) { c.Store, c.Sources = store, []Source{newMirror("b", w.repo)} })
		once := false
		w.mirror.set(func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			if req.Role == "team" && !once {
				once = true
				w.publish(func() { w.repo.Rotate("timestamp", 1, w.repo.Key("new")) })
				require.NoError(t, other.Refresh(ctx))
			}
			return body, err
		})
		w.find("team/app")
		require.EqualValues(t, 2, w.client.View().Repositories[0].Root)
	})
}

// A store that fails ends the view: the client begins again from the store when
// it works again.
func TestStoreFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := &flakyStore{Memory: NewMemory()}
		w := newWorld(t, func(c *Config) { c.Store = store })
		w.find("top")
		store.fails.Store(true)
		_, err := w.client.Find(t.Context(), "team/app")
		require.Equal(t, verify.KindStore, verify.KindOf(err), "%v", err)
		w.publish(nil)
		require.Equal(t, verify.KindStore, verify.KindOf(w.client.Refresh(t.Context())))
		store.fails.Store(false)
		w.find("team/app")
	})
}

type flakyStore struct {
	*Memory
	fails atomic.Bool
}

func (s *flakyStore) Save(ctx context.Context, rec verify.Record) error {
	if s.fails.Load() {
		return errors.New("disk full")
	}
	return s.Memory.Save(ctx, rec)
}

// The word of every mirror is wanted if anybody says so.
func TestEveryMirror(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for _, change := range []func(*Config){
			func(c *Config) { c.EveryMirror = true },
			func(c *Config) { c.Options.EverySource = true },
			func(c *Config) {},
		} {
			every := false
			w := newWorld(t, func(c *Config) {
				change(c)
				every = c.EveryMirror || c.Options.EverySource
				dead := &mirror{name: "dead", files: func() verifytest.Files { return nil }, rule: down}
				c.Sources = append(c.Sources, dead)
			})
			err := w.client.Refresh(t.Context())
			if every {
				require.ErrorIs(t, err, errDown)
				continue
			}
			require.NoError(t, err)
			require.ErrorIs(t, of[Warning](w.events)[0].Err, verify.ErrUnconfirmed)
			require.ErrorContains(t, of[Warning](w.events)[0].Err, "dead: connection refused")
		}
	})
}

// An update of several repositories that another process was ahead of begins
// again from the stores, too.
func TestMapIsSuperseded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m, private, public := twoRepos(t)
		skew := time.Until(private.Now())
		a, b := newMirror("a", private), newMirror("b", public)
		stores := []verify.Store{NewMemory(), NewMemory()}
		open := func(a, b Source) *Client {
			c, err := Open(Config{
				Map: m, Repositories: map[string]Repository{
					"private": {TrustedRoot: private.TrustedRoot(), Sources: []Source{a}, Store: stores[0]},
					"public":  {TrustedRoot: public.TrustedRoot(), Sources: []Source{b}, Store: stores[1]},
				},
				Now: func() time.Time { return time.Now().Add(skew) },
			})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			return c
		}
		c, other := open(a, b), open(newMirror("a2", private), newMirror("b2", public))
		_, err := c.Find(t.Context(), "app")
		require.NoError(t, err)
		time.Sleep(DefaultMaxAge)
		once := false
		a.set(func(ctx context.Context, req verify.Request, body []byte, err error) ([]byte, error) {
			if req.Role != "timestamp" || once {
				return body, err
			}
			once = true
			a.mu.Lock()
			private.Publish()
			body = private.Metadata()["timestamp.json"]
			private.Publish()
			a.mu.Unlock()
			require.NoError(t, other.Refresh(ctx))
			return body, nil
		})
		_, err = c.Find(t.Context(), "app")
		require.NoError(t, err)
		require.True(t, once)
		require.EqualValues(t, private.Version("timestamp"), c.View().Repositories[0].Timestamp)
		require.NotZero(t, c.Expires())

		once = false
		require.NoError(t, c.Refresh(t.Context()))
		require.True(t, once)
		require.EqualValues(t, private.Version("timestamp"), c.View().Repositories[0].Timestamp)
	})
}

// R17: the store does not depend on the order of the mirrors. With two of them
// swapped, one that has gone back is refused, and the other one answers.
func TestSwappedMirrors(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		w := newWorld(t, func(c *Config) { c.Folder = dir })
		old := w.repo.Metadata().Clone()
		w.publish(nil)
		w.find("top")
		require.NoError(t, w.client.Close())

		behind := newMirror("behind", w.repo)
		behind.serve(func() verifytest.Files { return old })
		seen := &events{}
		c := w.open(func(c *Config) { c.Folder, c.Sources, c.Observe = dir, []Source{behind, w.mirror}, seen.observe })
		require.NoError(t, c.Refresh(t.Context()))
		require.EqualValues(t, w.repo.Version("timestamp"), c.View().Repositories[0].Timestamp)
		require.Len(t, of[Rejected](seen), 1)
		require.Equal(t, "behind", of[Rejected](seen)[0].Source)
		require.Equal(t, verify.KindRollback, verify.KindOf(of[Rejected](seen)[0].Err))

		c = w.open(func(c *Config) { c.Folder, c.Sources = dir, []Source{behind} })
		require.Equal(t, verify.KindRollback, verify.KindOf(c.Refresh(t.Context())))
	})
}
