package gate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// withOthers has roles that sign what begins with "again " and with "trail ".
func withOthers(w *world) {
	for _, name := range []string{"again", "trail"} {
		role := w.repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{name + " *"}})
		role.AddTarget(name+" hello.txt", []byte("not what was asked for"))
	}
	w.repo.Publish()
	w.m1.Publish(w.repo)
	w.m2.Publish(w.repo)
}

// A search joins those for the same target path only: a second search, or one
// for the status page, is not that of a path that reads like it.
func TestSearchesAreNotCrossed(t *testing.T) {
	w := newWorld(t, withOthers)
	require.Equal(t, "404 Not Found", w.ask("HEAD /corp/none.txt")) // there is a view
	both("/metadata/*.again.json", clienttest.Delay(500*time.Millisecond))(w)
	for _, m := range []*clienttest.Server{w.m1, w.m2} { // so that hello.txt is searched again
		m.Remove("/targets/" + strings.Trim(helloTag, `"`) + ".hello.txt")
	}
	other := make(chan string)
	go func() { other <- w.ask("GET /corp/again%20hello.txt") }()
	require.Eventually(t, func() bool {
		for _, r := range append(w.m1.Log(), w.m2.Log()...) {
			if strings.HasSuffix(r.Path, ".again.json") {
				return true
			}
		}
		return false
	}, 5*time.Second, time.Millisecond)
	require.Contains(t, w.ask("HEAD /corp/hello.txt"), "403 no mirror has it (m1/targets, m2/targets)")
	require.Equal(t, "200 OK\nnot what was asked for", <-other)
	require.Equal(t, "200 OK\nnot what was asked for", w.ask("GET /corp/again%20hello.txt"))
}

// What went wrong for the status page is not what is asked for under a path
// that reads like it.
func TestTrailsAreNotCrossed(t *testing.T) {
	w := newWorld(t, withOthers, both("/metadata/*.targets.json", clienttest.Status(404)))
	require.NotEmpty(t, w.trail("hello.txt").Reason)
	w.m1.Heal()
	w.m2.Heal()
	w.gate.upstreams["corp"].fail(nil)
	require.Equal(t, "200 OK\nnot what was asked for", w.ask("GET /corp/trail%20hello.txt"))
}
