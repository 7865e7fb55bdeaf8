package client

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
)

func TestBaseURLs(t *testing.T) {
	for base, want := range map[string]string{
		"https://a.example/x":                  "",
		"http://me:secret@a.example/?k=secret": "",
		"ftp://a.example/":                     "is not a URL with http or https",
		"a.example":                            "is not a URL with http or https",
		"https://":                             "is not a URL with http or https",
		"https://a.example/#secret":            "has a fragment",
		"https://a.example/x/../y":             "has dots",
		"https://a.example/%2e%2E/y":           "has dots",
		"https://a.example/%252e%252e/y":       "has dots",
		"http://[secret":                       "cannot be read",
	} {
		_, err := NewMirrors(MirrorsConfig{Metadata: []string{base}})
		if want == "" {
			require.NoError(t, err, base)
			continue
		}
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, new(*BaseURLError))
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := NewMirrors(MirrorsConfig{Headers: map[string]http.Header{"https://me:secret@a.example/?k=secret": {}}})
	require.ErrorContains(t, err, "https://a.example/?...: headers are given for a base URL that is not listed")
}

func TestNames(t *testing.T) {
	m, err := NewMirrors(MirrorsConfig{Metadata: []string{
		"https://me:secret@a.example:8443/tuf/?key=secret", "https://a.example:8443/tuf?key=other", "http://b.example",
	}})
	require.NoError(t, err)
	var names []string
	for _, s := range m.Sources() {
		names = append(names, s.Name())
	}
	require.Equal(t, []string{"a.example:8443/tuf", "a.example:8443/tuf (2)", "b.example"}, names)
	require.Equal(t, "https://a.example:8443/tuf/a%2Fb.json?key=secret", m.metadata[0].url("a%2Fb.json").String())
	m.closeIdle()
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetworks(t)
		m := w.mirrors()
		first := func() string { return m.Sources()[0].Name() }
		require.Equal(t, "a.example/metadata", first())

		w.a.On("/metadata/timestamp.json", clienttest.Status(403))
		_, err := w.update(m)
		require.NoError(t, err)
		require.Equal(t, "b.example/metadata", first(), "a mirror that failed comes last")
		time.Sleep(RestAfterFailure)
		require.Equal(t, "a.example/metadata", first(), "for a while")

		w.a.On("/metadata/timestamp.json", clienttest.Wrong())
		_, err = w.update(m)
		require.NoError(t, err)
		require.Equal(t, "b.example/metadata", first(), "one that sent wrong bytes does")
		w.b.On("/metadata/timestamp.json", clienttest.Status(403))
		_, err = w.update(m)
		require.NoError(t, err)
		require.Equal(t, "b.example/metadata", first(), "even after one that failed")
		time.Sleep(RestAfterWrong)
		require.Equal(t, "a.example/metadata", first())

		w.a.On("/metadata/timestamp.json", clienttest.RetryAfter(429, "300"))
		_, err = w.update(m)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		require.Equal(t, "b.example/metadata", first(), "a mirror is left alone for as long as it asks")
		time.Sleep(3 * time.Minute)
		require.Equal(t, "a.example/metadata", first())

		w.config.KeepOrder = true
		m = w.mirrors()
		w.a.On("/metadata/timestamp.json", clienttest.Wrong())
		_, err = w.update(m)
		require.NoError(t, err)
		require.Equal(t, "a.example/metadata", first())
	})
}

func TestASlowMirrorThatIsRightIsNotBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetworks(t)
		w.a.Always("/metadata/*", clienttest.Delay(15*time.Second))
		m := w.mirrors()
		said, err := w.update(m)
		require.NoError(t, err)
		require.NoError(t, said)
		require.Zero(t, m.metadata[0].health.rank())
	})
}

func TestTotalTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetworks(t)
		w.config.TotalTimeout = 25 * time.Second
		w.a.Always("/metadata/timestamp.json", clienttest.RetryAfter(503, "10"))
		m := w.mirrors()
		said, err := w.update(m)
		require.NoError(t, err)
		require.ErrorIs(t, said, ErrTimeLimit)
		require.EqualError(t, said,
			"not done after 25s; last: HTTP status 503 Service Unavailable, to be asked again after 10s (3 tries)")
		require.Equal(t, "b.example/metadata", m.Sources()[0].Name(), "it comes last for a while")
		limit := new(TimeLimitError)
		require.ErrorAs(t, said, &limit)
		require.Equal(t, "TotalTimeout", limit.Limit)
	})
}

// roundTripper is a transport that is no http.Transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOtherTransports(t *testing.T) {
	fetch := func(t *testing.T, f roundTripper) error {
		m, err := NewMirrors(MirrorsConfig{Metadata: []string{"http://a.example?key=secret"}, Transport: f, Retries: -1})
		require.NoError(t, err)
		_, err = m.Sources()[0].Fetch(t.Context(), verify.Request{Path: "x.json", MaxBytes: 10})
		return err
	}
	t.Run("that hang", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			err := fetch(t, func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			require.ErrorIs(t, err, ErrTimeLimit)
		})
	})
	t.Run("that tell a secret", func(t *testing.T) {
		err := fetch(t, func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("no luck")}
		})
		require.EqualError(t, err, "no luck")
		require.Equal(t, verify.KindUnreachable, verify.KindOf(err))
	})
	t.Run("temporary DNS errors", func(t *testing.T) {
		require.True(t, mayPass(&HTTPError{Err: &net.DNSError{IsTemporary: true}}))
	})
	t.Run("that are good", func(t *testing.T) {
		require.NoError(t, fetch(t, func(r *http.Request) (*http.Response, error) {
			out := httptest.NewRecorder()
			_, _ = out.WriteString("{}")
			return out.Result(), nil
		}))
	})
}

// The default transport, over a real port.
func TestDefaultTransport(t *testing.T) {
	server := clienttest.NewServer(nil)
	server.Put("/x.json", []byte("{}"))
	port := httptest.NewServer(server)
	t.Cleanup(port.Close)
	m, err := NewMirrors(MirrorsConfig{Metadata: []string{port.URL}})
	require.NoError(t, err)
	t.Cleanup(m.closeIdle)
	data, err := m.Sources()[0].Fetch(t.Context(), verify.Request{Path: "x.json", MaxBytes: 10})
	require.NoError(t, err)
	require.Equal(t, "{}", string(data))
}

func TestRetryAfterHeader(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 0, "x": 0, "-3": 0, "7": 7 * time.Second, "99999999999": 0} {
		require.Equal(t, want, retryAfter(header), header)
	}
}

func TestHeadersStayBelowTheirBase(t *testing.T) {
	m, err := NewMirrors(MirrorsConfig{Metadata: []string{"https://a.example/tuf"}})
	require.NoError(t, err)
	for u, want := range map[string]bool{
		"https://a.example/tuf/x.json":             true,
		"https://A.example/tuf/a%2Fb.json":         true,
		"https://a.example/tuf":                    false,
		"https://a.example/tuff/x":                 false,
		"http://a.example/tuf/x":                   false,
		"https://a.example:444/tuf/x":              false,
		"https://a.example/tuf/../x":               false,
		"https://a.example/tuf/%2e%2e/x":           false,
		"https://a.example/tuf/..%2fx":             false,
		"https://a.example/tuf/..%5cx":             false,
		"https://a.example/tuf/%252e%252e%252f/x":  false,
		"https://a.example.evil.example/tuf/x":     false,
		"https://a.example/tuf/1...%2F..%2F..%2Fx": false, // the name of a role
	} {
		parsed, err := url.Parse(u)
		require.NoError(t, err)
		require.Equal(t, want, m.metadata[0].owns(parsed), u)
	}
}

func TestBodiesOfPlainSources(t *testing.T) {
	body, err := fetchBody(t.Context(), plainSource("0123456789"), verify.Request{MaxBytes: 3})
	require.NoError(t, err)
	require.Equal(t, "0123", string(body.Data))
	_, more := body.Unpack()
	require.False(t, more)
	rejection := errors.New("rejected")
	require.Equal(t, rejection, body.Rejected(rejection))
	_, err = fetchBody(t.Context(), plainSource(""), verify.Request{})
	require.ErrorIs(t, err, verify.ErrNotAtSource)
}

func TestEncodings(t *testing.T) {
	header := http.Header{"Content-Encoding": {"GZIP, identity", " deflate"}}
	require.Equal(t, []string{"gzip", "deflate"}, encodingsOf(header))
	require.Equal(t, []string{"a, b, c"}, encodingsOf(http.Header{"Content-Encoding": {"a,b,c"}}))

	t.Run("a bomb is read to the limit", func(t *testing.T) {
		bomb := clienttest.Gzip(make([]byte, 1<<20))
		data, err := unpackBytes("gzip", bomb, 100)
		require.NoError(t, err)
		require.Len(t, data, 101)
	})
	t.Run("a packing that breaks off", func(t *testing.T) {
		packed := clienttest.Gzip([]byte("hello"))
		_, err := unpackBytes("gzip", packed[:len(packed)-3], 100)
		require.ErrorAs(t, err, new(*EncodingError))
	})
	_, err := unpackBytes("deflate", []byte("no"), 100)
	require.ErrorAs(t, err, new(*EncodingError))
	require.Error(t, errors.Unwrap(err))
}

func TestPackedMetadataMayBeLongerThanTheLimit(t *testing.T) {
	packed := clienttest.Gzip([]byte("{}"))
	body := newBody(packed, []string{"gzip"}, 2)
	require.Len(t, body.Data, 3)
	plain, more := body.Unpack()
	require.True(t, more)
	require.Equal(t, "{}", string(plain.Data))
}
