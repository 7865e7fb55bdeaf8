package mirror_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/pypi/mirror"
	"github.com/tufwalk/tufwalk/verify"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

func TestPathsAreAppendedAsTheyAre(t *testing.T) {
	var asked string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked = r.RequestURI })
	for _, base := range []string{"/repo", "/repo/", "/a%2Fb/repo//"} {
		for _, path := range []string{
			"timestamp.json", "1.a%2Fb.json", "1.%3Fx.json", "1.%23.json", "1.%2e%2e.json", "1.%252F.json",
			"a//b", "a/./b", "1...%2Fx.json", "%E2%82%AC.json", "http%3A%2F%2Fhost.json",
		} {
			_, err := mirror.New(server.URL+base, server.Client())(t.Context(), verify.Request{Path: path, MaxBytes: 10})
			require.NoError(t, err)
			require.Equal(t, strings.TrimRight(base, "/")+"/"+path, asked)
		}
	}
}

func TestStatus(t *testing.T) {
	for status, absent := range map[int]bool{
		404: true, 410: true, 403: true,
		401: false, 206: false, 429: false, 500: false, 503: false,
	} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, err := mirror.New(server.URL, server.Client())(t.Context(), verify.Request{Path: "x.json", MaxBytes: 10})
		var statusErr *mirror.StatusError
		require.ErrorAs(t, err, &statusErr)
		require.Equal(t, mirror.StatusError{URL: server.URL + "/x.json", Status: status}, *statusErr)
		require.Equal(t, absent, errors.Is(err, verify.ErrNotAtSource), status)
	}
}

func TestReadingStopsAtTheFirstByteTooMany(t *testing.T) {
	for _, endless := range []bool{false, true} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for ok := true; ok; {
				_, err := w.Write([]byte("0123456789"))
				ok = endless && err == nil
			}
		})
		source := mirror.New(server.URL, server.Client())
		_, err := source(t.Context(), verify.Request{Path: "x", MaxBytes: 9})
		var long *mirror.TooLongError
		require.ErrorAs(t, err, &long)
		require.EqualValues(t, 9, long.Max)
		if !endless {
			data, err := source(t.Context(), verify.Request{Path: "x", MaxBytes: 10})
			require.NoError(t, err)
			require.Equal(t, "0123456789", string(data))
		}
	}
}

// A body that is small on the wire and large when unpacked must not get past
// the limit, and is not accepted at all.
func TestNothingIsUnpacked(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, 1<<20))
	require.NoError(t, z.Close())
	var asked string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	_, err := mirror.New(server.URL, server.Client())(t.Context(), verify.Request{Path: "x", MaxBytes: 4096})
	require.ErrorAs(t, err, new(*mirror.EncodingError))
	require.Equal(t, "identity", asked)
}

func TestBrokenBodyAndNoServer(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("short"))
	})
	source := mirror.New(server.URL, server.Client())
	_, err := source(t.Context(), verify.Request{Path: "x", MaxBytes: 1000})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, server.URL+"/x")

	server.Close()
	_, err = source(t.Context(), verify.Request{Path: "x", MaxBytes: 1000})
	require.ErrorContains(t, err, server.URL+"/x")
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
}

func TestContextEndsRequests(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := mirror.New(server.URL, server.Client())(ctx, verify.Request{Path: "x", MaxBytes: 1000})
	require.ErrorIs(t, err, context.Canceled)
}

func TestCheckBase(t *testing.T) {
	for _, good := range []string{"http://a", "https://a.example:8080/b/c/", "http://[::1]/x%2Fy"} {
		require.NoError(t, mirror.CheckBase(good))
	}
	for _, bad := range []string{
		"", "a", "/a", "ftp://a", "http://", "https:///a", "http://a?b", "http://a#b", "http://a b", "file:///etc",
		"http://me:secret@a", "http://me@a",
	} {
		require.Error(t, mirror.CheckBase(bad), bad)
	}
}
