package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is withdrawn is not answered from memory once an update has succeeded:
// of one repository, and of those of a map, which nobody asks meanwhile.
func TestWithdrawn(t *testing.T) {
	for name, options := range map[string][]func(*world){"one repository": nil, "a map": {withMap}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options...)
			require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
			w.repo.Targets().RemoveTarget("hello.txt")
			w.repo.Publish()
			w.m1.Publish(w.repo)
			w.m2.Publish(w.repo)
			w.sleep(time.Minute)
			require.NoError(t, w.refresh())
			require.Equal(t, "404 Not Found", w.ask("HEAD /corp/hello.txt"))
			require.Equal(t, "404 Not Found", w.ask("HEAD /corp/hello.txt If-None-Match: "+helloTag))
		})
	}
}
