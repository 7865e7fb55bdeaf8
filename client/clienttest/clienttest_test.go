package clienttest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// answer is what a client sees.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the body
	after  time.Duration
}

// ask sends a request for /f, which holds 0123456789, under a fake clock.
func ask(t *testing.T, fault Fault, header ...string) (a answer) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		t.Cleanup(n.Close)
		s := NewServer(nil)
		s.Put("/f", []byte("0123456789"))
		s.On("/f", fault)
		n.Host("x.example", s)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x.example/f", nil)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		began := time.Now()
		noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		c := http.Client{Transport: n.Transport(), Timeout: time.Hour, CheckRedirect: noRedirects}
		res, err := c.Do(req)
		if err != nil {
			a = answer{err: err, after: time.Since(began)}
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		a = answer{res.StatusCode, res.Header, string(body), err, time.Since(began)}
	})
	return a
}

func TestFaults(t *testing.T) {
	t.Run("none", func(t *testing.T) {
		a := ask(t, nil)
		require.Equal(t, "0123456789", a.body)
		require.Equal(t, 200, a.status)
	})
	t.Run("range", func(t *testing.T) {
		a := ask(t, nil, "Range", "bytes=4-")
		require.Equal(t, "456789", a.body)
		require.Equal(t, 206, a.status)
		require.Equal(t, "bytes 4-9/10", a.header.Get("Content-Range"))
	})
	t.Run("no ranges", func(t *testing.T) {
		a := ask(t, NoRanges(), "Range", "bytes=4-")
		require.Equal(t, "0123456789", a.body)
		require.Equal(t, 200, a.status)
	})
	t.Run("cut", func(t *testing.T) {
		for n, want := range map[int]string{0: "", 3: "012"} {
			a := ask(t, Cut(n))
			require.ErrorIs(t, a.err, io.ErrUnexpectedEOF)
			require.Equal(t, want, a.body)
		}
	})
	t.Run("stall", func(t *testing.T) {
		a := ask(t, Stall(3))
		require.Error(t, a.err)
		require.Equal(t, "012", a.body)
		require.Equal(t, time.Hour, a.after)
	})
	t.Run("silence", func(t *testing.T) {
		a := ask(t, Silence())
		require.Error(t, a.err)
		require.Equal(t, time.Hour, a.after)
	})
	t.Run("delay", func(t *testing.T) {
		require.Equal(t, time.Minute, ask(t, Delay(time.Minute)).after)
		require.Error(t, ask(t, Delay(2*time.Hour)).err)
	})
	t.Run("drip", func(t *testing.T) {
		a := ask(t, Drip(4, time.Minute))
		require.Equal(t, "0123456789", a.body)
		require.GreaterOrEqual(t, a.after, 2*time.Minute)
	})
	t.Run("status", func(t *testing.T) {
		a := ask(t, RetryAfter(429, "7"))
		require.Equal(t, 429, a.status)
		require.Equal(t, "7", a.header.Get("Retry-After"))
	})
	t.Run("redirect", func(t *testing.T) {
		a := ask(t, Redirect(307, "/elsewhere"))
		require.Equal(t, 307, a.status)
		require.Equal(t, "/elsewhere", a.header.Get("Location"))
	})
	t.Run("web page", func(t *testing.T) {
		a := ask(t, WebPage())
		require.Equal(t, 200, a.status)
		require.Contains(t, a.body, "<html>")
	})
	t.Run("wrong", func(t *testing.T) {
		a := ask(t, Wrong())
		require.Len(t, a.body, 10)
		require.NotEqual(t, "0123456789", a.body)
	})
	t.Run("packed", func(t *testing.T) {
		a := ask(t, Packed())
		require.Equal(t, "gzip", a.header.Get("Content-Encoding"))
		require.Equal(t, string(Gzip([]byte("0123456789"))), a.body)
	})
	t.Run("labelled", func(t *testing.T) {
		a := ask(t, Labelled("br"))
		require.Equal(t, "br", a.header.Get("Content-Encoding"))
		require.Equal(t, "0123456789", a.body)
	})
	t.Run("length", func(t *testing.T) {
		require.Equal(t, "01234567", ask(t, Length(-2)).body)
		a := ask(t, Length(2))
		require.Equal(t, "0123456789", a.body)
		require.ErrorIs(t, a.err, io.ErrUnexpectedEOF)
	})
	t.Run("unframed", func(t *testing.T) {
		a := ask(t, Unframed(4))
		require.NoError(t, a.err)
		require.Equal(t, "0123", a.body)
	})
	t.Run("a change of nothing", func(t *testing.T) {
		a := ask(t, All(Wrong(), Send("text/plain", nil)))
		require.Empty(t, a.body)
	})
}

func TestScript(t *testing.T) {
	s := NewServer(nil)
	s.Put("/a/b%2Fc.json", []byte("{}"))
	s.On("/a/*", Status(500), nil, Status(410))
	s.Always("/z", Status(403))
	port := httptest.NewServer(s)
	t.Cleanup(port.Close)
	get := func(path string) int {
		res, err := http.Get(port.URL + path)
		require.NoError(t, err)
		res.Body.Close()
		return res.StatusCode
	}
	for _, want := range []int{500, 200, 410, 200} {
		require.Equal(t, want, get("/a/b%2Fc.json?x=1"))
	}
	require.Equal(t, 403, get("/z"))
	require.Equal(t, 403, get("/z"))
	s.Heal()
	require.Equal(t, 404, get("/z"))
	s.Remove("/a/b%2Fc.json")
	require.Equal(t, 404, get("/a/b%2Fc.json"))
	log := s.Log()
	require.Len(t, log, 8)
	require.Equal(t, "/a/b%2Fc.json", log[3].Path)
	require.Equal(t, "x=1", log[3].Query)
	require.Equal(t, 4, log[3].N)
	require.Equal(t, strings.TrimPrefix(port.URL, "http://"), log[3].Host)
	require.Panics(t, func() { s.On("[", nil) })
}

func TestAServerIsFrozenUntilItIsTold(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	s := NewServer(repo)
	get := func() int {
		out := httptest.NewRecorder()
		s.ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/metadata/"+repo.FileName("targets"), nil))
		return out.Code
	}
	require.Equal(t, 200, get())
	repo.Targets().AddTarget("new", nil)
	repo.Publish()
	require.Equal(t, 404, get())
	s.Publish(repo)
	require.Equal(t, 200, get())
}

func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		defer n.Close()
		s := NewServer(nil)
		s.Put("/f", nil)
		n.Host("x.example", s)
		require.Panics(t, func() { n.Host("x.example", s) })
		c := http.Client{Transport: n.Transport(), Timeout: time.Minute}
		for _, u := range []string{"http://x.example/f", "https://x.example:8443/f"} {
			res, err := c.Get(u)
			require.NoError(t, err)
			res.Body.Close()
		}
		_, err := c.Get("http://y.example/f")
		require.ErrorAs(t, err, new(*net.DNSError))

		c.CloseIdleConnections()
		refused := errors.New("refused")
		n.Down("x.example", refused)
		_, err = c.Get("http://x.example/f")
		require.ErrorIs(t, err, refused)
		n.Down("z.example", Unanswered)
		_, err = c.Get("http://z.example/f")
		require.Error(t, err)
		require.NotEmpty(t, Unanswered.Error())
		n.Down("x.example", nil)
		res, err := c.Get("http://x.example/f")
		require.NoError(t, err)
		res.Body.Close()

		through := n.Transport()
		through.Proxy = Proxy("x.example")
		res, err = (&http.Client{Transport: through}).Get("http://other.example/f")
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, "other.example", s.Log()[3].Host)
	})
}
