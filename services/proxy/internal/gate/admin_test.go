package gate

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
)

// admin asks the operator's address.
func (w *world) admin(path string) (status int, body string) {
	r := httptest.NewRecorder()
	w.gate.Admin().ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
	return r.Code, r.Body.String()
}

func (w *world) trail(path string) (t Trail) {
	status, body := w.admin("/trail?route=/corp/&path=" + path)
	require.Equal(w, 200, status, body)
	require.NoError(w, json.Unmarshal([]byte(body), &t))
	return t
}

func TestReady(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
	status, body := w.admin("/readyz")
	require.Equal(t, 200, status)
	require.Equal(t, "corp ready=true expires=2030-01-02T00:00:00Z failed=\"\"\n", body)
	w.sleep(48 * time.Hour)
	status, body = w.admin("/readyz")
	require.Equal(t, 503, status)
	require.Contains(t, body, "corp ready=false")
	status, _ = w.admin("/healthz")
	require.Equal(t, 200, status)
	status, _ = w.admin("/none")
	require.Equal(t, 404, status)
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
	both("/targets/*", clienttest.Wrong())(w)
	for range 3 {
		require.Contains(t, w.ask("GET /corp/big.bin"), "403 it did not verify")
	}
	status, body := w.admin("/status.json")
	require.Equal(t, 200, status)
	var s Status
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Equal(t, []RouteStatus{{Prefix: "/corp/", Protocol: "plain", Upstream: "corp"}}, s.Routes)
	require.Len(t, s.Upstreams, 1)
	require.Equal(t, []RepositoryStatus{{
		Name: "corp", Root: 1, Timestamp: 2, Snapshot: 2, Targets: 2, Expires: w.repo.Now().Add(24 * time.Hour),
	}}, s.Upstreams[0].Repositories)
	require.Equal(t, CacheStatus{Files: 1, Bytes: 5}, s.Cache)

	require.Len(t, s.Refusals, 1)
	refusal := s.Refusals[0]
	require.Equal(t, 2, refusal.Repeated)
	require.Equal(t, "/corp/big.bin", refusal.Path)
	require.Equal(t, "wrong bytes", refusal.Kind)
	require.Equal(t, []string{"m1/targets", "m2/targets"}, refusal.Blame)
	require.Len(t, s.Mirrors, 2)
	require.Equal(t, "m1/targets", s.Mirrors[0].Mirror)
	require.Positive(t, s.Mirrors[0].Wrong)

	var metrics string
	require.Eventually(t, func() bool { // a request is counted when its answer is sent
		_, metrics = w.admin("/metrics")
		return strings.Contains(metrics, `tufwalk_requests_total{outcome="refused",protocol="plain",route="/corp/"} 3`)
	}, 5*time.Second, time.Millisecond)
	for _, line := range []string{
		`tufwalk_requests_total{outcome="verified",protocol="plain",route="/corp/"} 1`,
		`tufwalk_view_expires_timestamp_seconds{repository="corp",upstream="corp"} 1.8935424e+09`,
		`tufwalk_cached_bytes 5`,
		`tufwalk_refresh_total{result="succeeded",upstream="corp"} `,
		`tufwalk_blame_total{kind="wrong bytes",mirror="m1/targets",upstream="corp"} `,
	} {
		require.Contains(t, metrics, line)
	}

	_, page := w.admin("/status?route=/corp/&path=hello.txt")
	require.Contains(t, page, "m1/targets")
	require.Contains(t, page, "5 bytes, good until 2030-01-02T00:00:00Z")
	_, page = w.admin("/status?route=/corp/&path=%3Cscript%3E")
	require.NotContains(t, page, "<script>")
	require.Contains(t, page, "no such target")
}

// With a map, too, a proxy is ready as long as its view is good, whatever the
// mirrors do.
func TestReadyWithAMap(t *testing.T) {
	w := newWorld(t, withMap)
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
	status, before := w.admin("/readyz")
	require.Equal(t, 200, status)
	for _, s := range []*clienttest.Server{w.m1, w.private} {
		s.Always("/metadata/*", clienttest.Status(503))
	}
	require.Error(t, w.refresh())
	status, after := w.admin("/readyz")
	require.Equal(t, 200, status, after)
	require.Equal(t, strings.Split(before, " failed=")[0], strings.Split(after, " failed=")[0])
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
}

// A mirror that sends wrong bytes is to blame, even if the next one makes up
// for it.
func TestBlameWithoutARefusal(t *testing.T) {
	w := newWorld(t)
	w.m1.Always("/targets/*", clienttest.Wrong())
	require.Equal(t, "200 OK\nhello", w.ask("GET /corp/hello.txt"))
	_, metrics := w.admin("/metrics")
	require.Contains(t, metrics, `tufwalk_blame_total{kind="wrong bytes",mirror="m1/targets",upstream="corp"} 1`)
	require.Contains(t, w.logged(), "a mirror has no good file")
	require.NotContains(t, metrics, "m2/targets")
}

func TestTrail(t *testing.T) {
	w := newWorld(t)
	found := w.trail("hello.txt")
	require.True(t, found.Found)
	require.False(t, found.Cached)
	require.Equal(t, int64(5), found.Length)
	require.Equal(t, []Digest{{"sha256", strings.Trim(helloTag, `"`)}}, found.Digests)
	require.Len(t, found.Steps, 1)
	require.Equal(t, "targets", found.Steps[0].Role)
	require.True(t, found.Steps[0].Lists)
	none := w.trail("none.txt")
	require.False(t, none.Found)
	require.True(t, none.Certain)
	require.Equal(t, `"none.txt": no such target`, none.Reason)
	status, _ := w.admin("/trail?route=/none/&path=hello.txt")
	require.Equal(t, 404, status)
}

func TestTrailOfMap(t *testing.T) {
	w := newWorld(t, withPublic)
	found := w.trail("acme/tool")
	require.True(t, found.Found)
	require.Len(t, found.Entries, 1)
	require.Equal(t, "private", found.Entries[0].Answers[0].Repository)
	require.Equal(t, "agrees", found.Entries[0].Answers[0].Outcome)
	require.Len(t, found.Entries[0].Answers[0].Steps, 1)
	require.Equal(t, "example.org", w.trail("pub/file").Unverified)
	none := w.trail("acme/none")
	require.Empty(t, none.Unverified)
	require.Len(t, none.Entries, 2)
}

// A client that does not read does not hold the server for ever, and one that
// has no room waits.
func TestClients(t *testing.T) {
	w := newWorld(t, func(w *world) { w.config.Limits.Clients = 1 })
	address := strings.TrimPrefix(w.url, "http://")
	first, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = io.WriteString(first, "GET /corp/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	_, err = first.Read(make([]byte, 1))
	require.NoError(t, err)
	answer := make(chan string)
	go func() { answer <- w.ask("GET /corp/hello.txt") }()
	select {
	case <-answer:
		t.Fatal("there are two clients")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, first.Close())
	require.Equal(t, "200 OK\nhello", <-answer)
}

// Requests that were begun end before the server does.
func TestShutdown(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "404 Not Found", w.ask("HEAD /corp/none")) // there is a view
	both("/targets/*", clienttest.Delay(200*time.Millisecond))(w)
	answer := make(chan string)
	go func() { answer <- w.ask("GET /corp/hello.txt") }()
	require.Eventually(t, func() bool {
		for _, r := range append(w.m1.Log(), w.m2.Log()...) {
			if strings.HasPrefix(r.Path, "/targets/") {
				return true
			}
		}
		return false
	}, 5*time.Second, time.Millisecond)
	w.end()
	require.Equal(t, "200 OK\nhello", <-answer)
}

// A page of somebody else cannot have a browser press the buttons.
func TestSwitchFromElsewhere(t *testing.T) {
	mode := "honest"
	w := newWorld(t, func(w *world) {
		w.config.Switch = &Switch{
			Names: []string{"honest", "tampered"}, Mode: func() string { return mode }, Set: func(to string) { mode = to },
		}
	})
	press := func(header, value string) int {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8376/mode", strings.NewReader("mode=tampered"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header, value)
		answer := httptest.NewRecorder()
		w.gate.Admin().ServeHTTP(answer, r)
		return answer.Code
	}
	require.Equal(t, 403, press("Sec-Fetch-Site", "cross-site"))
	require.Equal(t, 403, press("Origin", "https://evil.example"))
	require.Equal(t, "honest", mode)
	require.Equal(t, 303, press("Origin", "http://127.0.0.1:8376"))
	require.Equal(t, "tampered", mode)
}
