package gate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Another repository lists the same file under many names, and its mirror is
// silent: a download is for all that want those bytes, but the failure is not.
func TestFailuresOfOthers(t *testing.T) {
	var silent *clienttest.Server
	w := newWorld(t, func(w *world) {
		repo := verifytest.New(verifytest.Options{Seed: "other"})
		for i := range 10 {
			repo.Targets().AddTarget(fmt.Sprintf("copy%d", i), []byte("hello"))
		}
		repo.Publish()
		silent = w.host("m3", repo)
		w.config.Upstreams["other"] = Upstream{client.Config{
			TrustedRoot: repo.TrustedRoot(), Metadata: w.bases("metadata", "m3"), Targets: w.bases("targets", "m3"),
			HTTP: w.http(), Store: client.NewMemory(),
		}}
		w.config.Routes["/other/"] = Route{Name: "plain", Protocol: protocol.Plain{}, Upstream: "other"}
	})
	require.Equal(t, "404 Not Found", w.ask("HEAD /corp/none")) // there are views
	require.Equal(t, "404 Not Found", w.ask("HEAD /other/none"))
	silent.Always("/targets/*", clienttest.Silence())
	for i := range 10 {
		go w.ask(fmt.Sprintf("HEAD /other/copy%d", i))
	}
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(silent.Log(), func(r clienttest.Request) bool {
			return strings.HasPrefix(r.Path, "/targets/")
		})
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
}
