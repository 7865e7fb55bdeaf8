package message_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/embed/message"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

type object = map[string]any

// client is a host's program: it knows messages only.
type client struct {
	testing.TB
	host    *message.Host
	session float64
	store   map[string][]byte
	mirror  verifytest.Files
	asked   []string
	log     [][]byte // the messages
}

// send sends a message, and returns the answer's line and body.
func (c *client) send(m object, body ...[]byte) (object, []byte) {
	m["v"] = 1
	if _, ok := m["session"]; !ok && c.session > 0 {
		m["session"] = c.session
	}
	line, err := json.Marshal(m)
	require.NoError(c, err)
	text := append(append(line, '\n'), bytes.Join(body, nil)...)
	c.log = append(c.log, text)
	return read(c, c.host.Call(text))
}

func read(t testing.TB, text []byte) (answer object, body []byte) {
	line, body, ok := bytes.Cut(text, []byte("\n"))
	require.True(t, ok)
	require.NoError(t, json.Unmarshal(line, &answer), "%s", line)
	require.EqualValues(t, 1, answer["v"])
	return answer, body
}

// ok sends a message that must be answered without an error.
func (c *client) ok(m object, body ...[]byte) object {
	a, _ := c.send(m, body...)
	require.NotContains(c, a, "error", "%v", m)
	return a
}

// refused sends a message that must be refused, and returns the error.
func (c *client) refused(m object, body ...[]byte) object {
	a, _ := c.send(m, body...)
	require.Contains(c, a, "error", "%v", m)
	return a["error"].(object)
}

// stored are the files that an update begins with.
func (c *client) stored() (names []object, body [][]byte) {
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json"} {
		if data, ok := c.store[name]; ok {
			names = append(names, object{"name": name, "length": len(data)})
			body = append(body, data)
		}
	}
	return names, body
}

func (c *client) open(root []byte, now time.Time, options object) {
	names, body := c.stored()
	a := c.ok(object{"call": "open", "time": now, "trusted_root": len(root), "stored": names, "options": options},
		append([][]byte{root}, body...)...)
	c.session = a["session"].(float64)
}

// run goes through batches until nothing is left to do.
func (c *client) run() {
	for {
		a, body := c.send(object{"call": "next"})
		b := a["batch"].(object)
		if b["more"] == false {
			return
		}
		for _, r := range items(b["save"]) {
			n := int(r["length"].(float64))
			c.store[r["store_name"].(string)], body = bytes.Clone(body[:n]), body[n:]
		}
		require.Empty(c, body)
		for _, r := range items(b["fetch"]) {
			c.fetch(r)
		}
	}
}

func (c *client) fetch(r object) {
	path := r["path"].(string)
	c.asked = append(c.asked, path)
	name, _ := r["store_name"].(string)
	if data, ok := c.store[name]; ok {
		if a, _ := c.send(object{"call": "provide_saved", "id": r["id"]}, data); a["error"] == nil {
			return
		}
	}
	data, ok := c.mirror[path]
	if !ok {
		c.ok(object{"call": "not_found", "id": r["id"], "said": []object{{"name": "the mirror", "absent": true}}})
		return
	}
	if a, _ := c.send(object{"call": "provide", "id": r["id"]}, data); a["error"] != nil {
		e := a["error"].(object)
		c.ok(object{"call": "fail", "id": r["id"], "said": []object{{"rejection": e["rejection"]}}})
	}
}

func items(list any) (all []object) {
	array, _ := list.([]any)
	for _, x := range array {
		all = append(all, x.(object))
	}
	return all
}

// world is a repository with two targets, one of them delegated.
func world() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app.txt", []byte("hello"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "dev", Paths: []string{"dev/*"}}).
		AddTarget("dev/app.txt", []byte("hello, dev"))
	repo.Publish()
	return repo
}

func newClient(t testing.TB, repo *verifytest.Repo) *client {
	return &client{TB: t, host: new(message.Host), store: map[string][]byte{}, mirror: repo.Metadata()}
}
