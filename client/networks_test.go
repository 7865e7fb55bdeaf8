package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// networks is a repository with two mirrors: a, which may be hostile, and b,
// which is honest.
type networks struct {
	*testing.T
	repo    *verifytest.Repo
	network *clienttest.Network
	a, b, c *clienttest.Server
	config  MirrorsConfig
	target  []byte
}

const (
	appPath   = "dir/app.tgz"
	smallPath = "small"
)

var small = bytes.Repeat([]byte("small "), 30)

// newNetworks must be called in a bubble of synctest.
func newNetworks(t *testing.T) *networks {
	w := &networks{T: t, repo: verifytest.New(verifytest.Options{}), network: clienttest.NewNetwork()}
	t.Cleanup(w.network.Close)
	w.target = storedGzip(t)
	w.repo.Targets().AddTarget(appPath, w.target)
	w.repo.Targets().AddTarget(smallPath, small)
	w.repo.Publish()
	w.a, w.b, w.c = clienttest.NewServer(w.repo), clienttest.NewServer(w.repo), clienttest.NewServer(w.repo)
	w.network.Host("a.example", w.a)
	w.network.Host("b.example", w.b)
	w.network.Host("c.example", w.c)
	w.config = MirrorsConfig{
		Metadata:  []string{"http://a.example/metadata", "http://b.example/metadata"},
		Targets:   []string{"http://a.example/targets/", "http://b.example/targets/"},
		Transport: w.network.Transport(),
		Headers: map[string]http.Header{
			"http://a.example/metadata": {"X-Token": {"secret"}},
			"http://a.example/targets/": {"X-Token": {"secret"}},
		},
	}
	return w
}

// storedGzip returns a file that is packed, and that cannot be packed any more.
// It is the same always.
func storedGzip(t *testing.T) []byte {
	content := make([]byte, 4000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func (w *networks) mirrors() *Mirrors {
	w.Helper()
	m, err := NewMirrors(w.config)
	require.NoError(w, err)
	return m
}

// lookup finds the target as an honest mirror has it.
func (w *networks) lookup() Target { return w.lookupOf(appPath) }

func (w *networks) lookupOf(path string) Target {
	w.Helper()
	t, err := TargetOf(w.found(path))
	require.NoError(w, err)
	return t
}

func (w *networks) found(path string) *verify.Target {
	w.Helper()
	s, err := verify.New(w.repo.TrustedRoot(), verify.Stored{}, w.repo.Now(), verify.Options{})
	require.NoError(w, err)
	l := s.Lookup(path)
	require.NoError(w, s.Run(w.Context(), nil, w.repo.Metadata().Source()))
	found, err := l.Target()
	require.NoError(w, err)
	return found
}

// update brings a session up to date from the mirrors, one after the other, and
// returns the first error of mirror a. It has no next root.
func (w *networks) update(m *Mirrors) (ofA, updated error) {
	w.Helper()
	s, err := verify.New(w.repo.TrustedRoot(), verify.Stored{}, w.repo.Now(), verify.Options{})
	require.NoError(w, err)
	for {
		batch, ok := s.Next()
		if !ok {
			return ofA, s.Err()
		}
		for _, req := range batch.Fetch {
			var said []error
			for _, source := range m.Sources() {
				err := offer(w.Context(), s, source, req)
				if err != nil && strings.HasPrefix(source.Name(), "a.example") && ofA == nil &&
					(req.Role == "timestamp" || !errors.Is(err, verify.ErrNotAtSource)) {
					ofA = err
				}
				if said = append(said, err); err == nil {
					break
				}
			}
			switch last := said[len(said)-1]; {
			case last == nil:
			case errors.Is(last, verify.ErrNotAtSource):
				_ = s.NotFound(req.ID, said...)
			default:
				_ = s.Fail(req.ID, errors.Join(said...))
			}
		}
	}
}

// offer is the loop in the documentation of BodySource.
func offer(ctx context.Context, s *verify.Session, source Source, req verify.Request) error {
	body, err := source.(BodySource).FetchBody(ctx, req)
	for err == nil {
		rejected := s.Provide(req.ID, body.Data)
		if rejected == nil {
			return nil
		}
		unpacked, more := body.Unpack()
		if !more {
			return body.Rejected(rejected)
		}
		body = unpacked
	}
	return err
}

var belowBase = regexp.MustCompile(`^/(metadata|targets)/[^/%]`)

// noLeak makes sure that headers went to their base URL only.
func (w *networks) noLeak() {
	w.Helper()
	for _, server := range []*clienttest.Server{w.a, w.b, w.c} {
		for _, r := range server.Log() {
			own := w.config.Headers != nil && r.Host == "a.example" && belowBase.MatchString(r.Path)
			require.Equal(w, own, r.Header.Get("X-Token") != "", "%s%s", r.Host, r.Path)
		}
	}
}

// situations are the rows of NETWORKS.md. Each prepares mirror a to misbehave
// about a path.
var situations = map[string]func(w *networks, path string){
	"nothing":                      func(w *networks, path string) {},
	"body cut in the middle, once": func(w *networks, path string) { w.a.On(path, clienttest.Cut(100)) },
	"body cut in the middle, always": func(w *networks, path string) {
		w.a.Always(path, clienttest.All(clienttest.Cut(100), clienttest.NoRanges()))
	},
	"body without a length, cut once": func(w *networks, path string) { w.a.On(path, clienttest.Unframed(50)) },
	"one byte every 9 s": func(w *networks, path string) {
		w.a.Always(path, clienttest.Drip(1, 9*time.Second))
	},
	"slow, but not too slow": func(w *networks, path string) {
		w.a.Always(path, clienttest.Drip(20, 15*time.Millisecond))
	},
	"no answer, once":           func(w *networks, path string) { w.a.On(path, clienttest.Silence()) },
	"no answer, always":         func(w *networks, path string) { w.a.Always(path, clienttest.Silence()) },
	"silence in the body, once": func(w *networks, path string) { w.a.On(path, clienttest.Stall(10)) },
	"silence in the body, always": func(w *networks, path string) {
		w.a.Always(path, clienttest.All(clienttest.Stall(10), clienttest.NoRanges()))
	},
	"401": func(w *networks, path string) { w.a.Always(path, clienttest.Status(401)) },
	"403": func(w *networks, path string) { w.a.Always(path, clienttest.Status(403)) },
	"403 with ForbiddenIsAbsent": func(w *networks, path string) {
		w.config.ForbiddenIsAbsent = true
		w.a.Always(path, clienttest.Status(403))
	},
	"404": func(w *networks, path string) { w.a.Remove(path) },
	"410": func(w *networks, path string) { w.a.Always(path, clienttest.Status(410)) },
	"429 with Retry-After: 5, once": func(w *networks, path string) {
		w.a.On(path, clienttest.RetryAfter(429, "5"))
	},
	"429 with Retry-After: 3600": func(w *networks, path string) {
		w.a.Always(path, clienttest.RetryAfter(429, "3600"))
	},
	"500, once": func(w *networks, path string) { w.a.On(path, clienttest.Status(500)) },
	"500":       func(w *networks, path string) { w.a.Always(path, clienttest.Status(500)) },
	"501":       func(w *networks, path string) { w.a.Always(path, clienttest.Status(501)) },
	"503 with Retry-After as a date, once": func(w *networks, path string) {
		w.a.On(path, clienttest.RetryAfter(503, time.Now().Add(5*time.Second).UTC().Format(http.TimeFormat)))
	},
	"503 with Retry-After: 5": func(w *networks, path string) {
		w.a.Always(path, clienttest.RetryAfter(503, "5"))
	},
	"a web page with status 200": func(w *networks, path string) { w.a.Always(path, clienttest.WebPage()) },
	"redirect to a place below the base URL": func(w *networks, path string) {
		w.a.Put(path+".new", w.file(path))
		w.a.Always(path, clienttest.Redirect(302, path+".new"))
	},
	"redirect to another path": func(w *networks, path string) {
		w.a.Put("/elsewhere", w.file(path))
		w.a.Always(path, clienttest.Redirect(307, "/elsewhere"))
	},
	"redirect to a hidden path": func(w *networks, path string) {
		first := strings.Split(path, "/")[1]
		hidden := "/" + first + "/%2e%2e/elsewhere"
		w.a.Put(hidden, w.file(path))
		w.a.Always(path, clienttest.Redirect(302, hidden))
	},
	"redirect to another host": func(w *networks, path string) {
		w.a.Always(path, clienttest.Redirect(301, "http://c.example"+path))
	},
	"redirect to another host with a user": func(w *networks, path string) {
		w.a.Always(path, clienttest.Redirect(308, "http://user:password@c.example"+path+"?key=1"))
	},
	"redirect from http to https": func(w *networks, path string) {
		w.a.Always(path, clienttest.Redirect(302, "https://c.example"+path))
	},
	"redirect from https to http": func(w *networks, path string) {
		w.config.Headers = nil
		w.config.Metadata[0], w.config.Targets[0] = "https://a.example/metadata", "https://a.example/targets/"
		w.a.Always(path, clienttest.Redirect(302, "http://c.example"+path+"?key=1"))
	},
	"redirect to another scheme": func(w *networks, path string) {
		w.a.Always(path, clienttest.Redirect(302, "file:///etc/passwd"))
	},
	"redirect in a circle":        func(w *networks, path string) { w.a.Always(path, clienttest.Redirect(302, path)) },
	"redirect without a Location": func(w *networks, path string) { w.a.Always(path, clienttest.Status(302)) },
	"Content-Encoding gzip on a target that is stored so, or on plain metadata": func(w *networks, path string) {
		w.a.Always(path, clienttest.Labelled("gzip"))
	},
	"Content-Encoding deflate, mislabelled": func(w *networks, path string) {
		w.a.Always(path, clienttest.Labelled("deflate"))
	},
	"Content-Encoding gzip, packed unasked": func(w *networks, path string) { w.a.Always(path, clienttest.Packed()) },
	"Content-Encoding gzip, packed twice": func(w *networks, path string) {
		w.a.Always(path, clienttest.All(clienttest.Header("Content-Encoding", "gzip, gzip"),
			clienttest.Change(clienttest.Gzip), clienttest.Change(clienttest.Gzip)))
	},
	"Content-Encoding gzip, packed unasked and cut once": func(w *networks, path string) {
		w.a.On(path, clienttest.All(clienttest.Cut(40), clienttest.Packed()))
		w.a.Always(path, clienttest.Packed())
	},
	"Content-Encoding br": func(w *networks, path string) {
		w.a.Always(path, clienttest.All(clienttest.Wrong(), clienttest.Labelled("br")))
	},
	"Content-Length too large": func(w *networks, path string) { w.a.Always(path, clienttest.Length(10)) },
	"Content-Length too small": func(w *networks, path string) { w.a.Always(path, clienttest.Length(-10)) },
	"fast and wrong":           func(w *networks, path string) { w.a.Always(path, clienttest.Wrong()) },
	"longer than it should be": func(w *networks, path string) {
		w.a.Always(path, clienttest.Change(func(b []byte) []byte { return append(b, make([]byte, 100_000)...) }))
	},
	"DNS does not know the host": func(w *networks, path string) {
		w.config.Headers = nil
		w.config.Metadata[0] = "http://a.example.invalid/metadata"
		w.config.Targets[0] = "http://a.example.invalid/targets/"
	},
	"connections are refused":  func(w *networks, path string) { w.network.Down("a.example", syscall.ECONNREFUSED) },
	"connections are not made": func(w *networks, path string) { w.network.Down("a.example", clienttest.Unanswered) },
	"a proxy needs a password, for http": func(w *networks, path string) {
		proxied(w, "http")
	},
	"a proxy needs a password, for https": func(w *networks, path string) {
		proxied(w, "https")
	},
	"the base URL has a query": func(w *networks, path string) {
		w.config.Metadata[0] += "?sig=secret"
		w.config.Targets[0] += "?sig=secret"
		w.config.Headers = nil
		w.a.Always(path, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery != "sig=secret" {
					http.Error(out, "no signature", http.StatusUnauthorized)
					return
				}
				h.ServeHTTP(out, r)
			})
		})
	},
	"the base URL has a user and a password": func(w *networks, path string) {
		w.config.Metadata[0] = "http://me:secret@a.example/metadata"
		w.config.Targets[0] = "http://me:secret@a.example/targets/"
		w.config.Headers = nil
		w.a.Always(path, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
					http.Error(out, "no password", http.StatusUnauthorized)
					return
				}
				h.ServeHTTP(out, r)
			})
		})
	},
}

// proxied has all requests to mirror a go through a proxy that wants a
// password.
func proxied(w *networks, scheme string) {
	proxy := clienttest.NewServer(nil)
	proxy.Always("*", clienttest.Status(407)) // CONNECT
	proxy.Always("/*/*", clienttest.Status(407))
	proxy.Always("/*/*/*", clienttest.Status(407))
	w.network.Host("proxy.example", proxy)
	w.config.Metadata[0], w.config.Targets[0] = scheme+"://a.example/metadata", scheme+"://a.example/targets/"
	w.config.Headers = nil
	transport := defaultTransport(0)
	transport.DialContext = w.network.Transport().DialContext
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Host != "a.example" {
			return nil, nil
		}
		return clienttest.Proxy("proxy.example")(r)
	}
	w.Cleanup(transport.CloseIdleConnections)
	w.config.Transport = transport
}

// file returns what mirror a has under a path.
func (w *networks) file(path string) []byte {
	w.Helper()
	for name, data := range w.repo.Metadata() {
		if "/metadata/"+name == path {
			return data
		}
	}
	for name, data := range w.repo.TargetFiles() {
		if "/targets/"+name == path {
			return data
		}
	}
	w.Fatalf("there is no file %s", path)
	return nil
}

// TestNetworks keeps the table in NETWORKS.md true: it compares each row with
// what the client does.
// F11, F12, F13 and F14 are among them.
func TestNetworks(t *testing.T) {
	rows := readNetworks(t)
	for _, situation := range slices.Sorted(maps.Keys(situations)) {
		t.Run(situation, func(t *testing.T) {
			got := []string{}
			synctest.Test(t, func(t *testing.T) { got = append(got, playMetadata(t, situations[situation])...) })
			synctest.Test(t, func(t *testing.T) { got = append(got, playTarget(t, situations[situation])...) })
			require.Equal(t, rows[situation], got, "this row should be:\n| %s | %s |", situation, strings.Join(got, " | "))
		})
	}
	for situation := range rows {
		require.Contains(t, situations, situation, "a row that no test plays")
	}
}

// readNetworks returns the rows of the table by their first cells.
func readNetworks(t *testing.T) map[string][]string {
	data, err := os.ReadFile("NETWORKS.md")
	require.NoError(t, err)
	rows := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[0], "---") || strings.Contains(cells[0], "what happens") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		require.NotContains(t, rows, cells[0])
		rows[cells[0]] = cells[1:]
	}
	require.NotEmpty(t, rows)
	return rows
}

func playMetadata(t *testing.T, prepare func(*networks, string)) []string {
	w := newNetworks(t)
	prepare(w, "/metadata/timestamp.json")
	said, err := w.update(w.mirrors())
	require.NoError(t, err, "the honest mirror must be enough")
	w.noLeak()
	return []string{w.did("/metadata/timestamp.json"), report(said)}
}

func playTarget(t *testing.T, prepare func(*networks, string)) []string {
	w := newNetworks(t)
	target := w.lookup()
	path := "/targets/" + target.urlPaths[0]
	prepare(w, path)
	m := w.mirrors()
	var dst memoryFile
	require.NoError(t, m.Download(t.Context(), target, &dst, DownloadOptions{}), "the honest mirror must be enough")
	require.Equal(t, w.target, dst.data)
	w.noLeak()
	did := w.did(path)

	// Once more, with mirror a alone, for what it says.
	w = newNetworks(t)
	prepare(w, path)
	w.config.Targets = w.config.Targets[:1]
	for base := range w.config.Headers {
		if base != w.config.Targets[0] {
			delete(w.config.Headers, base)
		}
	}
	w.config.Metadata = nil
	err := w.mirrors().Download(t.Context(), target, new(memoryFile), DownloadOptions{})
	if err == nil {
		return []string{did, report(nil)}
	}
	failed := new(DownloadError)
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Said, 1)
	return []string{did, report(errors.Unwrap(failed.Said[0]))}
}

// did says how often each mirror was asked.
func (w *networks) did(path string) string {
	count := func(s *clienttest.Server) (n int) {
		for _, r := range s.Log() {
			if r.Path == path {
				n++
			}
		}
		return n
	}
	text := "no request"
	switch n := count(w.a); {
	case n == 1:
		text = "1 request"
	case n > 1:
		text = fmt.Sprintf("%d requests", n)
	}
	if count(w.b) > 0 {
		text += ", then the next mirror"
	}
	return text
}

var digest = regexp.MustCompile(`[0-9a-f]{64}`)

func report(err error) string {
	if err == nil {
		return "nothing"
	}
	return "`" + digest.ReplaceAllString(err.Error(), "...") + "`"
}
