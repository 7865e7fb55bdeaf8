package gate

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients that ask for large pages and read nothing do not keep pages from
// others.
func TestSlowClientsOfPages(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.repo.Targets().AddTarget("large.html", make([]byte, 20<<20))
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.m2.Publish(w.repo)
		route := w.config.Routes["/corp/"]
		route.Protocol = rendering{}
		w.config.Routes["/corp/"] = route
	})
	require.Equal(t, "200 OK\n20971520 bytes", w.ask("GET /corp/large.html"))
	for range 8 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		fmt.Fprint(conn, "GET /corp/large.html HTTP/1.1\r\nHost: slow.test\r\n\r\n")
	}
	time.Sleep(500 * time.Millisecond)
	answer := make(chan string, 1)
	go func() { answer <- w.ask("GET /corp/hello.txt") }()
	select {
	case a := <-answer:
		require.Equal(t, "200 OK\nhello", a)
	case <-time.After(5 * time.Second):
		t.Fatal("a small page waits for clients that do not read")
	}
}
