package message_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/embed/message"
)

// A whole update, a target, its verification, and the next update from the
// store.
func TestUpdate(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	found := c.ok(object{"call": "find", "path": "dev/app.txt"})["lookup"]
	require.Equal(t, "pending", c.refused(object{"call": "target", "lookup": found})["reason"])
	c.run()
	require.Equal(t, []string{"2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json", "1.dev.json"}, c.asked)

	status := c.ok(object{"call": "status"})["status"].(object)
	require.Equal(t, "succeeded", status["state"])
	require.Len(t, status["roles"], 4)

	a := c.ok(object{"call": "target", "lookup": found, "trail": true})
	target := a["target"].(object)
	require.Equal(t, "dev", target["role"])
	require.Len(t, a["trail"], 2)
	require.Len(t, target["url_paths"], 1)

	v := c.ok(object{"call": "verifier", "lookup": found})["verifier"]
	c.ok(object{"call": "write", "verifier": v}, []byte("hello, "))
	c.ok(object{"call": "write", "verifier": v}, []byte("dev"))
	c.ok(object{"call": "verify", "verifier": v})
	require.Equal(t, "mistake", c.refused(object{"call": "verify", "verifier": v})["kind"], "a verifier is for one file")

	repo.Touch("targets")
	repo.Publish()
	c.mirror, c.asked = repo.Metadata(), nil
	names, body := c.stored()
	c.session = c.ok(object{"call": "renew", "time": repo.Now(), "stored": names}, body...)["session"].(float64)
	c.run()
	require.Equal(t, []string{"2.root.json", "timestamp.json", "3.snapshot.json", "3.targets.json"}, c.asked)
}

func TestWrongTarget(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	found := c.ok(object{"call": "find", "path": "app.txt"})["lookup"]
	c.run()
	v := c.ok(object{"call": "verifier", "lookup": found})["verifier"]
	c.ok(object{"call": "write", "verifier": v}, []byte("hell"))
	e := c.refused(object{"call": "verify", "verifier": v})
	require.Equal(t, "wrong bytes", e["kind"])
	require.Equal(t, "length", e["reason"])
	require.EqualValues(t, 5, e["expected"])
	require.EqualValues(t, 4, e["found"])
}

func TestNoTarget(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	found := c.ok(object{"call": "find", "path": "none"})["lookup"]
	c.run()
	e := c.refused(object{"call": "target", "lookup": found})
	require.Equal(t, "no target", e["kind"])
	require.Equal(t, true, e["certain"])
	require.NotEmpty(t, e["expires"])
}

// A rejected body, named again when the request is given up, and a rollback.
func TestErrors(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	old := repo.Metadata().Clone()
	repo.Touch("snapshot")
	repo.Publish()
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	c.run()

	c.mirror = old
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	c.run()
	status := c.ok(object{"call": "status"})["status"].(object)
	require.Equal(t, "failed", status["state"])
	e := status["error"].(object)
	require.Equal(t, "rollback", e["kind"])
	require.Equal(t, "timestamp", e["role"])
	require.EqualValues(t, 3, e["expected"])
	require.EqualValues(t, 2, e["found"])
	require.Contains(t, e["text"], "rollback")

	c.store = map[string][]byte{}
	c.open(repo.TrustedRoot(), time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC), nil)
	c.run()
	require.Equal(t, "expired", c.ok(object{"call": "status"})["status"].(object)["error"].(object)["kind"])
}

// Save compares with what another process has stored meanwhile.
func TestSave(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	a, _ := c.send(object{"call": "next"})
	var names []any
	for {
		b := a["batch"].(object)
		for i := range items(b["save"]) {
			names = append(names, i)
		}
		if b["more"] == false {
			break
		}
		w := c.ok(object{"call": "save"})["write"].([]any)
		require.Len(t, w, len(items(b["save"])), "nothing is stored, so all is written")
		for _, r := range items(b["fetch"]) {
			c.fetch(r)
		}
		a, _ = c.send(object{"call": "next"})
	}
	require.NotEmpty(t, names)

	c.open(repo.TrustedRoot(), repo.Now(), nil)
	var refused object
	repo.Touch("snapshot")
	other := repo.Metadata().Clone()
	repo.Publish()
	newer := repo.Metadata()["timestamp.json"]
	c.mirror = other
	for refused == nil {
		a, _ := c.send(object{"call": "next"})
		b := a["batch"].(object)
		require.Equal(t, true, b["more"], "the update was to be superseded")
		w, _ := c.send(object{"call": "save", "stored": []object{{"name": "timestamp.json", "length": len(newer)}}}, newer)
		if w["error"] != nil {
			refused = w["error"].(object)
		}
		for _, r := range items(b["fetch"]) {
			if refused == nil {
				c.fetch(r)
			}
		}
	}
	require.Equal(t, "superseded", refused["kind"])
}

// Every mistake is an error message, and another session goes on.
func TestMistakes(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	honest := c.session
	c.open(repo.TrustedRoot(), repo.Now(), nil)

	for _, line := range []string{
		"", "\n", "{", "null", "[]", "1", `"x"`, `{}`, `{"v":null}`, `{"v":"1"}`, `{"v":1}`, `{"v":1,"call":"none"}`,
		`{"v":1,"call":"open"} {}`, `{"v":1,"call":"open"}`, `{"v":1,"call":"open","every_sauce":true}`,
		`{"v":1,"call":"open","trusted_root":-1}`, `{"v":1,"call":"open","trusted_root":9}`,
		`{"v":1,"call":"open","stored":[{"name":"root.json","length":-1}]}`,
		`{"v":1,"call":"open","stored":[{"name":"root.json","length":9223372036854775807}]}`,
		`{"v":1,"call":"open","options":{"envelope_format":"xml"}}`,
		`{"v":1,"call":"find","session":99}`, `{"v":1,"call":"next","session":-1}`,
		`{"v":1,"call":"target","session":2,"lookup":1}`, `{"v":1,"call":"drop","session":2,"lookup":1}`,
		`{"v":1,"call":"verifier","session":2,"lookup":1}`, `{"v":1,"call":"write","session":2,"verifier":1}`,
		`{"v":1,"call":"verify","session":2,"verifier":1}`, `{"v":1,"call":"copy","session":2}`,
		`{"v":1,"call":"provide","session":2,"id":"1"}`, `{"v":1,"call":"provide","session":2,"id":"-1"}`,
		`{"v":1,"call":"provide_saved","session":2,"id":""}`, `{"v":1,"call":"not_found","session":2,"id":"1.1"}`,
		`{"v":1,"call":"fail","session":2,"id":"18446744073709551616"}`, `{"v":1,"call":"renew","session":2}`,
		`{"v":1,"call":"next","session":2,"text":"` + strings.Repeat("x", message.MaxLineBytes) + `"}`,
	} {
		a, body := read(t, c.host.Call([]byte(line)))
		require.Contains(t, a, "error", "%.100s", line)
		e := a["error"].(object)
		require.Equal(t, "mistake", e["kind"], "%.100s: %v", line, e)
		require.NotContains(t, e, "internal")
		require.NotEmpty(t, e["text"])
		require.Empty(t, body)
	}
	e := c.refused(object{"call": "open", "time": repo.Now(), "trusted_root": 4}, []byte("root and more"))
	require.Equal(t, "mistake", e["kind"], "bytes that belong to nothing")

	c.session = honest
	c.run()
	require.Equal(t, "succeeded", c.ok(object{"call": "status"})["status"].(object)["state"])
}

// A message from the future may have any members. The answer names both
// versions.
func TestFutureVersion(t *testing.T) {
	a, _ := read(t, new(message.Host).Call([]byte(`{"v":2,"call":{"new":"shape"}}`)))
	e := a["error"].(object)
	require.Equal(t, "mistake", e["kind"])
	require.EqualValues(t, 1, e["expected"])
	require.EqualValues(t, 2, e["found"])
	require.Contains(t, e["text"], "expected 1, found 2")
}

func TestBounds(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	for range message.MaxSessions {
		c.open(repo.TrustedRoot(), repo.Now(), nil)
	}
	root := repo.TrustedRoot()
	e := c.refused(object{"call": "open", "time": repo.Now(), "trusted_root": len(root)}, root)
	require.EqualValues(t, message.MaxSessions, e["expected"])
	c.ok(object{"call": "close"})
	require.Equal(t, "mistake", c.refused(object{"call": "next"})["kind"], "the session is closed")
	c.open(root, repo.Now(), nil)

	for range message.MaxHandles {
		c.host.Call([]byte(`{"v":1,"call":"find","path":"app.txt","session":` + number(c.session) + `}`))
	}
	require.Equal(t, "mistake", c.refused(object{"call": "find", "path": "app.txt"})["kind"])
	c.ok(object{"call": "drop", "lookup": 1})
	c.ok(object{"call": "find", "path": "app.txt"})
}

// Sessions share nothing: a copy answers after the first one is closed.
func TestCopy(t *testing.T) {
	repo := world()
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), object{"lookahead": 64})
	c.run()
	other := c.ok(object{"call": "copy"})["session"].(float64)
	c.ok(object{"call": "close"})
	c.session = other
	found := c.ok(object{"call": "find", "path": "app.txt"})["lookup"]
	c.run()
	c.ok(object{"call": "target", "lookup": found})
}

// Threads may share a host.
func TestConcurrent(t *testing.T) {
	repo := world()
	var h message.Host
	var wait sync.WaitGroup
	for range 8 {
		c := newClient(t, repo)
		c.host = &h
		wait.Go(func() {
			c.open(repo.TrustedRoot(), repo.Now(), nil)
			c.run()
			c.ok(object{"call": "close"})
		})
	}
	wait.Wait()
}

// No option makes the library do more than it is asked for.
func TestExtremeOptions(t *testing.T) {
	repo := world()
	for _, n := range []int64{-1 << 63, -1, 0, 1, 1<<63 - 1} {
		limits := object{}
		for _, name := range []string{
			"max_root_bytes", "max_timestamp_bytes", "max_snapshot_bytes", "max_targets_bytes", "max_ahead_bytes",
			"max_retained_bytes", "max_root_rotations", "max_delegations", "max_match_steps", "max_depth", "max_signatures",
		} {
			limits[name] = n
		}
		c := newClient(t, repo)
		root := repo.TrustedRoot()
		a, _ := c.send(object{
			"call": "open", "time": repo.Now(), "trusted_root": len(root), "options": object{"lookahead": n, "limits": limits},
		}, root)
		if e, ok := a["error"].(object); ok {
			require.NotContains(t, e, "internal", "%v", e)
			continue
		}
		c.session = a["session"].(float64)
		c.ok(object{"call": "find", "path": "dev/app.txt"})
		c.run()
		require.Less(t, len(c.asked), 100)
	}
}
