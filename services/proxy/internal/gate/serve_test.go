package gate

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// helloTag is the ETag of hello.txt.
const helloTag = `"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`

// step is a request, after something has happened, and its answer.
type step struct {
	when    func(w *world)
	ask     string
	headers string // to show
	want    string
}

func (w *world) play(steps []step) {
	w.Helper()
	for _, s := range steps {
		if s.when != nil {
			s.when(w)
		}
		require.Equal(w, s.want, w.ask(s.ask, strings.Fields(s.headers)...), s.ask)
	}
}

// both has a path of both mirrors answered with a fault.
func both(path string, f clienttest.Fault) func(w *world) {
	return func(w *world) {
		w.m1.Always(path, f)
		w.m2.Always(path, f)
	}
}

func TestAnswers(t *testing.T) {
	newWorld(t).play([]step{
		{
			ask: "GET /corp/hello.txt",
			headers: "Content-Length Content-Type Etag Cache-Control Last-Modified Tuf-Repository Tuf-Role Tuf-Version " +
				"Tuf-Expires",
			want: "200 OK\nContent-Length: 5\nContent-Type: text/plain; charset=utf-8\nEtag: " +
				helloTag + "\nCache-Control: no-cache\n" +
				"Tuf-Repository: corp\nTuf-Role: targets\nTuf-Version: 2\nTuf-Expires: 2030-01-02T00:00:00Z\nhello",
		},
		{ask: "HEAD /corp/hello.txt", headers: "Content-Length Etag", want: "200 OK\nContent-Length: 5\nEtag: " + helloTag},
		{ask: "HEAD /corp/big.bin", headers: "Content-Length", want: "200 OK\nContent-Length: 3145728"},
		{ask: "GET /corp/hello.txt If-None-Match: " + helloTag, headers: "Etag", want: "304 Not Modified\nEtag: " + helloTag},
		{ask: `GET /corp/hello.txt If-None-Match: "other"`, want: "200 OK\nhello"},
		{
			ask: "GET /corp/hello.txt Range: bytes=1-2", headers: "Content-Range Content-Length",
			want: "206 Partial Content\nContent-Range: bytes 1-2/5\nContent-Length: 2\nel",
		},
		{ask: "GET /corp/hello.txt Range: bytes=1-2; If-Range: " + helloTag, want: "206 Partial Content\nel"},
		{ask: `GET /corp/hello.txt Range: bytes=1-2; If-Range: "other"`, want: "200 OK\nhello"},
		{ask: "GET /corp/big.bin Range: bytes=-10", headers: "Content-Range", want: "206 Partial Content\n" +
			"Content-Range: bytes 3145718-3145727/3145728\n" + string(big()[3<<20-10:])},
		{ask: "GET /corp/big.bin", want: "200 OK\n3145728 bytes"},
		{ask: "GET /corp/none.txt", headers: "Tuf-Uncertain", want: "404 Not Found\nNot Found: \"none.txt\": no such target"},
	})
}

func TestNoRequests(t *testing.T) {
	newWorld(t).play([]step{
		{ask: "POST /corp/hello.txt", headers: "Allow", want: "405 Method Not Allowed\nAllow: GET, HEAD\nMethod Not " +
			"Allowed: only GET and HEAD"},
		{ask: "CONNECT example.com:443", want: "405 Method Not Allowed\nonly GET and HEAD"},
		{ask: "GET http://example.com/corp/hello.txt", want: "400 Bad Request\nBad Request: this is no forward proxy"},
		{ask: "GET /corp/a/../hello.txt", want: "400 Bad Request\nBad Request: the path has segments of dots"},
		{ask: "GET /corp/%2e%2e/hello.txt", want: "400 Bad Request\nBad Request: the path has segments of dots"},
		{ask: "GET /corp/..%2fhello.txt", want: "400 Bad Request\nBad Request: the path has segments of dots"},
		{ask: "GET /other/hello.txt", want: "404 Not Found\nthere is no such route"},
		{ask: "GET /corp/", want: "404 Not Found\nNot Found: the path of a file is missing"},
		{ask: "GET /corp/hello.txt Content-Length: 3", want: "413 Request Entity Too Large\nRequest Entity Too Large: " +
			"a request has no body"},
	})
	w := newWorld(t)
	require.Contains(t, w.ask("GET /corp/hello.txt X: "+strings.Repeat("x", 2*MaxHeader)),
		"431 Request Header Fields Too Large")
}

// What a mirror does, and what the client is told: the reason and the mirror to
// blame, in the status line.
func TestRefusals(t *testing.T) {
	const hello = "GET /corp/hello.txt"
	wrong := "403 it did not verify (m1/targets, m2/targets): hello.txt: hash mismatch: want sha256 " +
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824, found " +
		"04a6f55face2f46be8c23f627d539827615851e10751b63ec59db6d2c706b770"
	for name, steps := range map[string][]step{
		"a mirror sends other bytes: the next one has the file": {
			{when: func(w *world) { w.m1.Always("/targets/*", clienttest.Wrong()) }, ask: hello, want: "200 OK\nhello"},
		},
		"both send other bytes": {
			{when: both("/targets/*", clienttest.Wrong()), ask: "HEAD /corp/hello.txt", want: wrong},
		},
		"both lack a listed file": {
			{
				when: both("/targets/*", clienttest.Status(404)), ask: "HEAD /corp/hello.txt",
				want: "403 no mirror has it (m1/targets, m2/targets): HTTP status 404 Not Found",
			},
		},
		"a mirror sends us elsewhere": {
			{
				when: func(w *world) {
					w.network.Host("other", clienttest.NewServer(w.repo))
					both("/targets/*", clienttest.Redirect(302, "https://other/targets/file"))(w)
				},
				ask: hello,
				want: "503 Service Unavailable\nService Unavailable: no mirror can be reached: hello.txt could not be " +
					"downloaded: m1/targets: other is no host of the repository; m2/targets: other is no host of the repository",
			},
		},
		"both break off": {
			{
				when: both("/targets/*", clienttest.Cut(2)), ask: "HEAD /corp/hello.txt", headers: "Retry-After",
				want: "503 Service Unavailable\nRetry-After: 5",
			},
		},
		"nobody can be reached": {
			{
				when: both("/targets/*", clienttest.Status(500)), ask: hello, headers: "Retry-After",
				want: "503 Service Unavailable\nRetry-After: 5\nService Unavailable: no mirror can be reached: hello.txt " +
					"could not " +
					"be downloaded: m1/targets: HTTP status 500 Internal Server Error; m2/targets: HTTP status 500 Internal " +
					"Server Error",
			},
		},
		"the view has expired, and the mirrors are frozen": {
			{ask: hello, want: "200 OK\nhello"},
			{
				when: func(w *world) { w.sleep(48 * time.Hour) }, ask: "HEAD /corp/hello.txt",
				want: "403 the metadata has expired, or a clock is wrong (m1/metadata, m2/metadata): timestamp.json rejected: " +
					"timestamp version 2: expired since 2030-01-02T00:00:00Z (the time is taken to be 2030-01-03T00:00:00Z)",
			},
		},
		"the view has expired, and nobody can be reached": {
			{ask: hello, want: "200 OK\nhello"},
			{
				when: func(w *world) {
					w.sleep(48 * time.Hour)
					both("/metadata/*", clienttest.Status(500))(w)
				},
				ask: "HEAD /corp/hello.txt",
				want: "403 the metadata has expired, or a clock is wrong: \"hello.txt\": the answer expired at " +
					"2030-01-02T00:00:00Z, " +
					"it is 2030-01-03T00:00:00Z now (no newer one: 2.root.json could not be fetched: m1/metadata: HTTP status 500 " +
					"Internal Server Error; m2/metadata: HTTP status 500 Internal Server Error)",
			},
		},
		"the view is good, and nobody can be reached": {
			{ask: hello, want: "200 OK\nhello"},
			{
				when: func(w *world) {
					both("/metadata/*", clienttest.Status(500))(w)
					require.Error(w, w.refresh())
				},
				ask: hello, want: "200 OK\nhello",
			},
		},
		"a file is replaced": {
			{ask: hello, want: "200 OK\nhello"},
			{
				when: func(w *world) {
					w.repo.Targets().AddTarget("hello.txt", []byte("hello again"))
					w.repo.Publish()
					w.m1.Publish(w.repo)
					w.m2.Publish(w.repo)
					require.NoError(w, w.refresh())
				},
				ask: hello, want: "200 OK\nhello again",
			},
		},
	} {
		t.Run(name, func(t *testing.T) { newWorld(t).play(steps) })
	}
}

// The repository publishes, and the mirrors remove the old file: the proxy
// looks again before its view is old.
func TestFilesThatMove(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "404 Not Found", w.ask("HEAD /corp/none.txt")) // there is a view
	w.repo.Targets().AddTarget("hello.txt", []byte("hello again"))
	w.repo.Publish()
	for _, m := range []*clienttest.Server{w.m1, w.m2} {
		m.Publish(w.repo)
		m.Remove("/targets/" + strings.Trim(helloTag, `"`) + ".hello.txt")
	}
	w.gate.upstreams["corp"].fail(nil)
	w.sleep(time.Minute)
	require.Equal(t, "200 OK\nhello again", w.ask("GET /corp/hello.txt"))
}

// A broken mirror is asked once for all clients.
func TestRefusalsAreRemembered(t *testing.T) {
	w := newWorld(t)
	both("/targets/*", clienttest.Wrong())(w)
	first := w.ask("GET /corp/hello.txt")
	require.Contains(t, first, "403 it did not verify")
	asked := len(w.m1.Log()) + len(w.m2.Log())
	for range 20 {
		require.Equal(t, first, w.ask("GET /corp/hello.txt"))
	}
	require.Equal(t, asked, len(w.m1.Log())+len(w.m2.Log()))
	w.m1.Heal()
	w.m2.Heal()
	w.forgive()
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
}

// A restart needs no mirror while what is saved is good.
func TestRestart(t *testing.T) {
	newWorld(t).play([]step{
		{ask: "GET /corp/hello.txt", want: "200 OK\nhello"},
		{
			when: func(w *world) {
				both("/metadata/*", clienttest.Status(500))(w)
				both("/targets/*", clienttest.Status(500))(w)
				w.restart()
			},
			ask: "GET /corp/hello.txt", headers: "Tuf-Role Tuf-Version",
			want: "200 OK\nTuf-Role: targets\nTuf-Version: 2\nhello",
		},
		{ask: "HEAD /corp/none.txt", want: "404 Not Found"},
		{ask: "HEAD /corp/big.bin", headers: "Retry-After", want: "503 Service Unavailable\nRetry-After: 5"},
		{
			when: func(w *world) {
				w.sleep(48 * time.Hour)
				w.restart()
			},
			ask: "HEAD /corp/hello.txt",
			want: "403 the metadata has expired, or a clock is wrong: what is saved has expired, and there is nothing newer: " +
				"2.root.json could not be fetched: m1/metadata: HTTP status 500 Internal Server Error; m2/metadata: " +
				"HTTP status 500 Internal Server Error",
		},
	})
}

// A mirror that went back does not change what was seen, also after a restart.
func TestRollback(t *testing.T) {
	w := newWorld(t)
	old := w.repo.Metadata().Clone()["timestamp.json"]
	w.repo.Targets().AddTarget("hello.txt", []byte("hello again"))
	w.repo.Publish()
	w.m1.Publish(w.repo)
	w.m2.Publish(w.repo)
	w.restart()
	require.Equal(t, "200 OK\nhello again", w.ask("GET /corp/hello.txt"))
	both("/metadata/timestamp.json", clienttest.Send("application/json", old))(w)
	require.ErrorContains(t, w.refresh(), "rollback")
	require.Equal(t, "200 OK\nhello again", w.ask("GET /corp/hello.txt"))
	w.restart()
	require.Contains(t, w.ask("GET /corp/hello.txt"), "403 an older version than before (m1/metadata, m2/metadata): ")
}

func TestMap(t *testing.T) {
	newWorld(t, withMap).play([]step{
		{
			ask: "GET /corp/acme/tool", headers: "Tuf-Repository Tuf-Role Tuf-Version",
			want: "200 OK\nTuf-Repository: private\nTuf-Role: targets\nTuf-Version: 2\nours",
		},
		{ask: "GET /corp/hello.txt", headers: "Tuf-Repository", want: "200 OK\nTuf-Repository: public\nhello"},
		{ask: "HEAD /corp/acme/none", want: "404 Not Found"},
		{ask: "HEAD /corp/a/b/c", want: "404 Not Found"}, // no entry is for it
	})
}

// Dependency confusion: what a private repository may have is not answered by
// the public one because the private one does not answer.
func TestMapWithoutPrivate(t *testing.T) {
	w := newWorld(t, withMap, func(w *world) {
		w.repo.Targets().AddTarget("acme/tool", []byte("theirs"))
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.private.Always("/*/*", clienttest.Status(404))
	})
	require.Contains(t, w.ask("GET /corp/acme/tool", "Tuf-Repository"), "403 no mirror has it")
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
}

// withPublic adds the upstream example.org without TUF, for pub/*, acme/* and
// *, to a map.
func withPublic(w *world) {
	withMap(w)
	public := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/pub/file", "/acme/tool", "/hello.txt":
			if len(r.Header["Authorization"])+len(r.Header["Cookie"]) > 0 {
				http.Error(rw, "secrets", http.StatusTeapot)
				return
			}
			_, _ = rw.Write([]byte("not signed"))
		case "/pub/moved":
			http.Redirect(rw, r, "/pub/file", http.StatusFound)
		case "/pub/elsewhere":
			http.Redirect(rw, r, "http://127.0.0.1:1/pub/file", http.StatusFound)
		case "/pub/broken":
			rw.Header().Set("Content-Length", "100000")
			_, _ = rw.Write(make([]byte, 50000))
		case "/pub/teapot":
			rw.WriteHeader(http.StatusTeapot)
		default:
			http.NotFound(rw, r)
		}
	}))
	w.Cleanup(public.Close)
	patterns := []string{"pub/*", "acme/*", "*"}
	w.config.Unverified = map[string]Unverified{"example.org": {URL: public.URL + "/", Patterns: patterns}}
	route := w.config.Routes["/corp/"]
	route.Unverified = []string{"example.org"}
	w.config.Routes["/corp/"] = route
}

func TestUnverified(t *testing.T) {
	w := newWorld(t, withPublic)
	w.play([]step{
		{
			ask:     "GET /corp/pub/file Authorization: secret; Cookie: a=b",
			headers: "Tuf-Unverified Tuf-Role Cache-Control Content-Length",
			want:    "200 OK\nTuf-Unverified: example.org\nCache-Control: no-cache\nContent-Length: 10\nnot signed",
		},
		{ask: "HEAD /corp/pub/file", headers: "Content-Length", want: "200 OK\nContent-Length: 10"},
		{ask: "GET /corp/pub/moved", headers: "Tuf-Unverified", want: "200 OK\nTuf-Unverified: example.org\nnot signed"},
		{ask: "HEAD /corp/pub/none", want: "404 Not Found"},
		{ask: "HEAD /corp/pub/teapot", want: "403 the upstream example.org, without TUF, answers 418"},
		{ask: "GET /corp/pub/broken", want: "200 OK\n50000 bytes, then unexpected EOF"},
		// What an entry of the map is for is not theirs, there or not.
		{ask: "GET /corp/acme/tool", headers: "Tuf-Unverified", want: "200 OK\nours"},
		{ask: "HEAD /corp/acme/none", headers: "Tuf-Unverified", want: "404 Not Found"},
		{ask: "GET /corp/hello.txt", headers: "Tuf-Unverified", want: "200 OK\nhello"},
		// No pattern, no answer.
		{ask: "HEAD /corp/pub/deep/file", headers: "Tuf-Unverified", want: "404 Not Found"},
	})
	require.Contains(t, w.ask("HEAD /corp/pub/elsewhere"), "403 the upstream example.org, without TUF: ")
	require.Contains(t, w.logged(), `msg="not verified" unverified=example.org path=/corp/pub/file`)
	require.Equal(t, 7, w.gate.Status().Unverified[0].Answers)
	files, _ := w.config.Files.Usage()
	require.Equal(t, 2, files) // acme/tool and hello.txt
}

// streaming is plain with files that may stream.
type streaming struct{ protocol.Plain }

func (s streaming) Plan(r protocol.Request) (protocol.Plan, error) {
	plan, err := s.Plain.Plan(r)
	plan.Streams, plan.Fixed = true, true
	return plan, err
}

func withStream(w *world) {
	w.config.Stream = true
	w.config.Routes["/corp/"] = Route{Name: "plain", Protocol: streaming{}, Upstream: "corp"}
}

func TestStream(t *testing.T) {
	const ask = "GET /corp/big.bin"
	t.Run("honest", func(t *testing.T) {
		newWorld(t, withStream).play([]step{
			{
				ask: ask, headers: "Content-Length Tuf-Role Cache-Control",
				want: "200 OK\nContent-Length: 3145728\nTuf-Role: targets\nCache-Control: max-age=86400\n3145728 bytes",
			},
			{ask: ask + " Range: bytes=0-1023", want: "206 Partial Content\n1024 bytes"},
		})
	})
	t.Run("the last byte is wrong: the client never has a whole file", func(t *testing.T) {
		w := newWorld(t, withStream)
		require.Equal(t, "404 Not Found", w.ask("HEAD /corp/none")) // there is a view
		both("/targets/*", clienttest.Wrong())(w)
		answer := w.ask(ask)
		require.Regexp(t, `^200 OK\n\d+ bytes, then unexpected EOF$|^403 `, answer)
		require.NotContains(t, answer, "3145728 bytes")
		require.Contains(t, w.ask(ask), "403 it did not verify (m1/targets, m2/targets): big.bin: hash mismatch")
	})
	t.Run("a mirror breaks off, and another one goes on", func(t *testing.T) {
		w := newWorld(t, withStream)
		w.m1.Always("/targets/*", clienttest.Cut(1<<20))
		require.Equal(t, "200 OK\n3145728 bytes", w.ask(ask))
	})
	t.Run("without the option, nothing is sent before it is whole", func(t *testing.T) {
		w := newWorld(t, withStream, func(w *world) { w.config.Stream = false })
		both("/targets/*", clienttest.Wrong())(w)
		require.Contains(t, w.ask(ask), "403 it did not verify")
	})
}

// pages is a protocol that makes a page, with a redirect and choices.
type pages struct{ protocol.Plain }

func (pages) Plan(r protocol.Request) (protocol.Plan, error) {
	switch r.Path {
	case "old":
		return protocol.Plan{Redirect: "new"}, nil
	case "never":
		return protocol.Plan{Refuse: "there is never such a file"}, nil
	case "page":
		render := func(target string, body []byte) (protocol.Reply, error) {
			return protocol.Reply{
				ContentType: "text/html", Header: http.Header{"Vary": {"Accept"}},
				Body: []byte(target + " " + string(body) + " " + r.Base),
			}, nil
		}
		return protocol.Plan{Targets: []string{"none.txt", "hello.txt"}, Render: render}, nil
	case "chosen":
		return protocol.Plan{Targets: []string{"hello.txt"}, ContentType: "text/plain",
			Choose: func(body []byte) ([]string, error) {
				return []string{string(body) + ".none", string(body) + ".txt"}, nil
			}}, nil
	}
	return protocol.Plan{}, &protocol.RequestError{Reason: "no such page"}
}

func TestPlans(t *testing.T) {
	page := "hello.txt hello http://proxy.test/corp/"
	newWorld(t, func(w *world) {
		w.config.Routes["/corp/"] = Route{Name: "pages", Protocol: pages{}, Upstream: "corp"}
	}).play([]step{
		{ask: "GET /corp/old", headers: "Location", want: "301 Moved Permanently\nLocation: /corp/new"},
		{ask: "HEAD /corp/never", want: "403 there is never such a file"},
		{
			ask: "GET /corp/page", headers: "Vary Etag Tuf-Role",
			want: fmt.Sprintf("200 OK\nVary: Accept\nEtag: \"%x\"\nTuf-Role: targets\n%s", sha256.Sum256([]byte(page)), page),
		},
		{ask: "GET /corp/chosen", want: "200 OK\nhello"},
		{ask: "HEAD /corp/other", want: "404 Not Found"},
	})
}
