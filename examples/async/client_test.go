package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
)

// The token goes to the mirrors, and not to the hosts that they redirect to.
func TestToken(t *testing.T) {
	const token = "Bearer secret"
	w := newWorld(t, 4, 100)
	var mu sync.Mutex
	elsewhere := map[string]string{}
	behind := w.handler(nil)
	other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		elsewhere[r.URL.Path] = strings.Join(r.Header.Values("Authorization"), ",")
		mu.Unlock()
		behind.ServeHTTP(rw, r)
	}))
	t.Cleanup(other.Close)
	guarded := func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Header.Get("Authorization") != token {
			return status(http.StatusUnauthorized)(rw, r, nil)
		}
		if strings.HasPrefix(r.URL.Path, "/targets/") || r.URL.Path == "/metadata/timestamp.json" {
			http.Redirect(rw, r, other.URL+r.URL.EscapedPath(), http.StatusFound)
			return true
		}
		return false
	}
	w.mirror("m", guarded)
	w.fail("401 Unauthorized")
	require.Empty(t, elsewhere)
	w.must("--token", "secret", "--parallel", "1") // a redirection needs no second slot
	require.Len(t, elsewhere, 5)
	for path, authorization := range elsewhere {
		require.Empty(t, authorization, path)
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://host/a", "https://HOST:443/b", true},
		{"http://host", "http://host:80", true},
		{"https://host", "http://host", false},
		{"https://host", "https://host:8443", false},
		{"https://host", "https://host.evil", false},
		{"https://host", "https://evil@other", false},
		{"https://host@evil", "https://host", false},
	} {
		a, err := url.Parse(c.a)
		require.NoError(t, err)
		b, err := url.Parse(c.b)
		require.NoError(t, err)
		require.Equal(t, c.same, origin(a) == origin(b), c)
		require.Equal(t, c.same, (&mirror{metadata: c.a}).at(b), c)
	}
}

// The host of the mirror does not exist, so only the proxy can answer.
func TestProxy(t *testing.T) {
	w := newWorld(t, 2, 100)
	proxy := httptest.NewServer(w.handler(nil)) // a request to a proxy has the whole URL
	t.Cleanup(proxy.Close)
	w.add("m", "http://mirror.invalid")
	w.must("--proxy", proxy.URL)
	for _, r := range w.since() {
		require.Equal(t, "http://mirror.invalid"+r.URL.EscapedPath(), r.RequestURI)
	}

	w.dest += "2"
	env := []string{"HTTP_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL, "NO_PROXY=", "no_proxy="}
	out, err := program(t, env, w.args()...).CombinedOutput()
	require.NoError(t, err, string(out))
	w.mustBeRight()
	require.Len(t, w.since(), 2)
}

// A mirror stops sending. The next one is asked for the rest.
func TestSilence(t *testing.T) {
	for name, flush := range map[string]bool{"in the body": true, "before it": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, size)
			w.mirror("silent", forTargets(func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
				if flush {
					_, _ = rw.Write(data[:size/2])
					_ = http.NewResponseController(rw).Flush()
				}
				<-r.Context().Done()
				return true
			}))
			w.mirror("good", nil)
			text := w.must("--silence", "700ms", "--retries", "0")
			require.Regexp(t, `silent failed at files/00.bin: .*127.0.0.1:\d+ sent nothing for 700ms`, text)
			require.Equal(t, flush, strings.Contains(text, "from good, resumed at byte 100000"))
		})
	}
}

func TestTimeout(t *testing.T) {
	w := newWorld(t, 1, size)
	w.mirror("slow", func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		<-r.Context().Done()
		return true
	})
	w.fail("out of time: --timeout is 300ms", "--timeout", "300ms")
}

// All requests start at once, and no body is closed: only as many requests come
// through as are allowed.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		parallel, perHost int
		hosts             []string
		total, each       int
	}{
		"in all":         {3, 2, []string{"a", "b"}, 3, 2},
		"per host":       {8, 2, []string{"a"}, 2, 2},
		"both":           {4, 2, []string{"a", "b", "c"}, 4, 2},
		"one at a time":  {1, 5, []string{"a", "b"}, 1, 1},
		"more than come": {50, 50, []string{"a"}, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &downloader{Parallel: c.parallel, PerHost: c.perHost, Silence: time.Hour}
				transport := d.newTransport()
				var mu sync.Mutex
				total, each, most, served := 0, map[string]int{}, 0, 0
				transport.base = roundTripper(func(r *http.Request) (*http.Response, error) {
					mu.Lock()
					defer mu.Unlock()
					total, each[r.URL.Host], served = total+1, each[r.URL.Host]+1, served+1
					most = max(most, each[r.URL.Host])
					return &http.Response{Request: r, Body: http.NoBody}, nil
				})
				release := make(chan struct{})
				for _, host := range c.hosts {
					for range 10 {
						go func() {
							req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/x", nil)
							res, err := transport.RoundTrip(req)
							if err != nil {
								t.Error(err)
								return
							}
							<-release
							mu.Lock()
							total, each[host] = total-1, each[host]-1
							mu.Unlock()
							_ = res.Body.Close()
						}()
					}
				}
				synctest.Wait() // now all wait, for a slot or for release
				require.Equal(t, c.total, total)
				require.Equal(t, c.each, most)
				close(release)
				synctest.Wait()
				require.Zero(t, total)
				require.Equal(t, 10*len(c.hosts), served, "closing a body lets the next request through")
				require.Equal(t, c.each, most)
			})
		})
	}
}

// A second process waits for the first. Otherwise both would write to the same
// partial files.
func TestDestinationIsLocked(t *testing.T) {
	w := newWorld(t, 1, 100)
	w.mirror("m", nil)
	w.must()
	lock := flock.New(filepath.Join(w.dest, hidden+"lock"))
	locked, err := lock.TryLock()
	require.NoError(t, err)
	require.True(t, locked)
	_, stderr := w.fail("out of time", "--timeout", "200ms")
	require.Contains(t, stderr, "waiting for another process")
	require.NoError(t, lock.Unlock())
	w.must()
}

func TestWrongUsage(t *testing.T) {
	w := newWorld(t, 1, 100)
	w.mirror("m", nil)
	for _, c := range []struct {
		args    []string
		because string
	}{
		{[]string{"app.bin"}, "missing flags"},
		{w.args("--colour"), "unknown flag --colour"},
		{w.args("-at", "yesterday"), "yesterday"},
		{w.args("--targets-url", "ftp://host"), "is not a URL with http or https and a host"},
		{w.args("--targets-url", "m=http://host"), "m is given twice"},
		{w.args("--metadata-url", "http://host/?key=1"), "query"},
		{w.args("--proxy", "nonsense"), "is not a URL with a host"},
		{w.args("--parallel", "0"), "above zero"},
		{w.args("FILES/00.bin"), "would be in the place of"},
		{w.args("../x"), "plain relative path"},
		{w.args("a/.tufwalk-x.part"), "begins with .tufwalk-, like files of this library"},
	} {
		code, stdout, stderr := runArgs(c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, stderr, c.because)
		require.Empty(t, stdout)
	}
	require.Empty(t, w.asked, "no requests")
	code, stdout, _ := runArgs("--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "--metadata-url=[NAME=]URL")
}

func TestDemonstration(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	out, err := program(t, []string{"TMPDIR=" + temp, "TMP=" + temp}).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, text := range []string{
		"this is a demonstration", "assets/01.img: from ", "assets/24.img: from ", "liar served a wrong assets/",
	} {
		require.Contains(t, string(out), text)
	}
	require.NotContains(t, string(out), "\x1b", "no bars without a terminal")
	require.NotContains(t, string(out), "honest served a wrong")
	require.NotContains(t, string(out), "flaky served a wrong", "being down is not a lie")
}
