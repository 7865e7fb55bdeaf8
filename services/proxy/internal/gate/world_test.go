package gate

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// world is a repository "corp" behind the mirrors m1 and m2, and a proxy.
type world struct {
	testing.TB
	network *clienttest.Network
	repo    *verifytest.Repo
	m1, m2  *clienttest.Server
	private *clienttest.Server // of a map
	config  Config
	gate    *Gate
	url     string
	end     func()

	mu    sync.Mutex
	clock time.Time
	log   strings.Builder
}

// newWorld returns a world whose repository has hello.txt, and big.bin with
// 3 MB.
func newWorld(t *testing.T, options ...func(*world)) *world {
	t.Helper()
	return newWorldFor(t, options...)
}

func newWorldFor(t testing.TB, options ...func(*world)) *world {
	w := &world{TB: t, network: clienttest.NewNetwork(), repo: verifytest.New(verifytest.Options{})}
	t.Cleanup(w.network.Close)
	w.repo.Targets().AddTarget("hello.txt", []byte("hello"))
	w.repo.Targets().AddTarget("big.bin", big())
	w.repo.Publish()
	w.m1, w.m2 = w.host("m1", w.repo), w.host("m2", w.repo)
	w.clock = w.repo.Now()
	files, err := OpenFolder(t.TempDir())
	require.NoError(t, err)
	w.config = Config{
		Upstreams: map[string]Upstream{"corp": {client.Config{
			TrustedRoot: w.repo.TrustedRoot(), Metadata: w.bases("metadata", "m1", "m2"),
			Targets: w.bases("targets", "m1", "m2"),
			HTTP:    w.http(), Store: client.NewMemory(), RootGrace: 50 * time.Millisecond,
		}}},
		Routes:  map[string]Route{"/corp/": {Name: "plain", Protocol: protocol.Plain{}, Upstream: "corp"}},
		Files:   files,
		Refresh: time.Hour,
		Now:     w.now,
		Log:     slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, o := range options {
		o(w)
	}
	w.start()
	t.Cleanup(func() { w.end() })
	return w
}

func big() []byte {
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	return data
}

func (w *world) host(name string, repo *verifytest.Repo) *clienttest.Server {
	s := clienttest.NewServer(repo)
	w.network.Host(name, s)
	return s
}

func (w *world) bases(kind string, hosts ...string) (list []string) {
	for _, h := range hosts {
		list = append(list, "https://"+h+"/"+kind)
	}
	return list
}

func (w *world) http() client.MirrorsConfig {
	return client.MirrorsConfig{Transport: w.network.Transport(), Retries: -1, SilenceTimeout: 2 * time.Second,
		KeepOrder: true}
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) sleep(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// start starts the proxy.
func (w *world) start() {
	gate, err := Open(w.config)
	require.NoError(w, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- gate.Serve(ctx, listener, nil) }()
	w.gate, w.url = gate, "http://"+listener.Addr().String()
	w.end = func() {
		cancel()
		require.NoError(w, <-ended)
		require.NoError(w, gate.Close())
		w.end = func() {}
	}
}

// restart ends the proxy and starts it again.
func (w *world) restart() {
	w.end()
	w.start()
}

// refresh brings the upstream corp up to date.
func (w *world) refresh() error {
	return w.gate.upstreams["corp"].client.Load().Refresh(context.Background())
}

// forgive forgets the refusals and failures of the last seconds.
func (w *world) forgive() {
	for _, u := range w.gate.upstreams {
		u.answers.refused.Purge()
		u.fail(nil)
	}
}

// ask sends a request, as it is, and returns the answer: the status line, the
// headers that are named, and the body.
func (w *world) ask(request string, headers ...string) string {
	method, path, _ := strings.Cut(request, " ")
	path, header, _ := strings.Cut(path, " ")
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(w, err)
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: proxy.test\r\nConnection: close\r\n", method, path)
	for line := range strings.SplitSeq(header, "; ") {
		if line != "" {
			fmt.Fprintf(conn, "%s\r\n", line)
		}
	}
	fmt.Fprint(conn, "\r\n")
	in := bufio.NewReader(conn)
	head, err := in.Peek(1)
	if err != nil {
		return "no answer"
	}
	_ = head
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	require.NoError(w, err)
	defer res.Body.Close()
	answer := res.Status
	for _, name := range headers {
		for _, value := range res.Header.Values(name) {
			answer += "\n" + name + ": " + value
		}
	}
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return fmt.Sprintf("%s\n%d bytes, then %v", answer, len(body), err)
	case len(body) > 500:
		return fmt.Sprintf("%s\n%d bytes", answer, len(body))
	case len(body) > 0:
		answer += "\n" + strings.TrimSuffix(string(body), "\n")
	}
	return answer
}

// withMap makes corp a map of the repositories private, for acme/*, and public.
func withMap(w *world) {
	private := verifytest.New(verifytest.Options{Seed: "private"})
	private.Targets().AddTarget("acme/tool", []byte("ours"))
	private.Publish()
	w.private = w.host("private", private)
	m, err := metadata.ParseMap([]byte(`{
		"repositories": {"private": ["https://private"], "public": ["https://m1"]},
		"mapping": [
			{"paths": ["acme/*"], "repositories": ["private"], "threshold": 1, "terminating": false},
			{"paths": ["*", "acme/*"], "repositories": ["public"], "threshold": 1, "terminating": true}
		]}`))
	require.NoError(w, err)
	w.config.Upstreams["corp"] = Upstream{client.Config{Map: m, RootGrace: 50 * time.Millisecond,
		Repositories: map[string]client.Repository{
			"private": {
				TrustedRoot: private.TrustedRoot(), Metadata: w.bases("metadata", "private"),
				Targets: w.bases("targets", "private"), HTTP: w.http(),
			},
			"public": {
				TrustedRoot: w.repo.TrustedRoot(), Metadata: w.bases("metadata", "m1"), Targets: w.bases("targets", "m1"),
				HTTP: w.http(),
			},
		}}}
}
