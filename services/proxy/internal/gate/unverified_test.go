package gate

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// rendering is plain with a page of each file.
type rendering struct{ protocol.Plain }

func (s rendering) Plan(r protocol.Request) (protocol.Plan, error) {
	plan, err := s.Plain.Plan(r)
	plan.Render = func(_ string, body []byte) (protocol.Reply, error) {
		return protocol.Reply{ContentType: "text/html", Body: body}, nil
	}
	return plan, err
}

// withOther adds an upstream without TUF for pub/*.
func withOther(p protocol.Protocol, answer http.HandlerFunc) func(w *world) {
	return func(w *world) {
		withPublic(w)
		other := httptest.NewServer(answer)
		w.Cleanup(other.Close)
		w.config.Unverified["example.org"] = Unverified{URL: other.URL + "/", Patterns: []string{"pub/*"}}
		route := w.config.Routes["/corp/"]
		route.Protocol = p
		w.config.Routes["/corp/"] = route
	}
}

// An upstream without TUF sends large pages slowly to many clients: what is in
// memory has a bound, and verified pages need not wait for it.
func TestUnverifiedPagesAreBounded(t *testing.T) {
	const clients = 10
	body, sent, end := make([]byte, MaxRendered-1), make(chan bool, clients), make(chan bool)
	w := newWorld(t, withOther(rendering{}, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(body)
		sent <- true
		<-end
	}))
	var asking sync.WaitGroup
	defer asking.Wait()
	endAll := sync.OnceFunc(func() { close(end) })
	defer endAll()
	answers := make(chan string, clients)
	before := heap()
	for range clients {
		asking.Go(func() { answers <- w.ask("GET /corp/pub/page") })
	}
	for range clients {
		<-sent
	}
	require.Less(t, heap(), before+3*MaxRendered)
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
	endAll()
	noRoom := 0
	for range clients {
		if a := <-answers; strings.HasPrefix(a, "503") {
			require.Contains(t, a, "too many large pages at once")
			noRoom++
		} else {
			require.Equal(t, fmt.Sprintf("200 OK\n%d bytes", MaxRendered-1), a)
		}
	}
	require.Positive(t, noRoom)
	require.True(t, w.gate.others.TryAcquire(MaxRendered), "all of it was given back")
}

// The length of a HEAD is that of the body, or none.
func TestUnverifiedHead(t *testing.T) {
	w := newWorld(t, withOther(protocol.Plain{}, func(rw http.ResponseWriter, r *http.Request) {
		rw.(http.Flusher).Flush()
		_, _ = io.Copy(rw, strings.NewReader("not signed"))
	}))
	require.Equal(t, "200 OK\nContent-Length: 10\nnot signed", w.ask("GET /corp/pub/file", "Content-Length"))
	require.Equal(t, "200 OK", w.ask("HEAD /corp/pub/file", "Content-Length"))
}
