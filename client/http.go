package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

// maxRedirects bounds how often an answer may send us elsewhere.
const maxRedirects = 5

// defaultTransport is that of net/http, with limits on what it keeps.
func defaultTransport(connect time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.MaxResponseHeaderBytes = 64 << 10
	// net/http goes on to connect when a request has ended, in case that there
	// is another one.
	connect = max(connect, 0)
	t.DialContext = (&net.Dialer{Timeout: connect}).DialContext
	t.TLSHandshakeTimeout = connect
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
		if res.StatusCode == http.StatusProxyAuthRequired {
			return errProxyAuth
		}
		return nil
	}
	return t
}

// Fetch asks the mirror for a file of metadata.
func (m *httpMirror) Fetch(ctx context.Context, req verify.Request) ([]byte, error) {
	body, err := m.FetchBody(ctx, req)
	if err != nil {
		return nil, err
	}
	return body.Data, nil
}

// FetchBody asks the mirror for a file of metadata. A request with its body is
// the unit of a retry.
func (m *httpMirror) FetchBody(ctx context.Context, req verify.Request) (body *Body, err error) {
	ctx, cancel := within(ctx, "TotalTimeout", m.of.config.TotalTimeout)
	defer cancel()
	err = m.retry(ctx, m.url(req.Path), func() (bool, error) {
		body, err = m.fetchOnce(ctx, req)
		return false, err
	})
	m.health.note(err)
	if err != nil {
		return nil, err
	}
	body.rejected = m.health.sentWrong
	return body, nil
}

func (m *httpMirror) fetchOnce(ctx context.Context, req verify.Request) (*Body, error) {
	res, err := m.get(ctx, m.url(req.Path), 0)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, m.statusError(res)
	}
	encodings, limit := encodingsOf(res.Header), req.MaxBytes
	if len(encodings) > 0 {
		limit = packedLimit(limit)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && anyEndIsGood(res) && len(encodings) == 0 && !json.Valid(data) {
		err = &brokenError{int64(len(data)), -1, io.ErrUnexpectedEOF}
	}
	if err != nil {
		return nil, err
	}
	return newBody(data, encodings, req.MaxBytes), nil
}

// anyEndIsGood says that HTTP cannot tell whether a body is whole.
func anyEndIsGood(res *http.Response) bool {
	return res.ProtoMajor == 1 && res.ContentLength < 0 && len(res.TransferEncoding) == 0
}

// url appends a path as it is. Resolving it against the base would give dots,
// colons and double slashes a meaning. The query stays.
func (m *httpMirror) url(path string) *url.URL {
	u := *m.base
	u.RawPath = strings.TrimRight(u.EscapedPath(), "/") + "/" + path
	u.Path, _ = url.PathUnescape(u.RawPath) // both parts are encoded
	return &u
}

// get sends a request and follows redirects. It asks for the bytes from one on.
// The caller must close the body. Any status is an answer.
func (m *httpMirror) get(ctx context.Context, u *url.URL, from int64) (*http.Response, error) {
	watched, watch := newWatch(ctx, &m.of.config)
	for n := 0; ; n++ {
		req := &http.Request{
			Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{},
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}
		if m.owns(u) {
			req.Header = m.header.Clone()
		}
		// The bytes that were signed: net/http does not unpack then. (A small
		// body that unpacks to a huge one would defeat limits.)
		req.Header.Set("Accept-Encoding", "identity")
		if from > 0 {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		}
		watch.connecting()
		res, err := m.of.transport.RoundTrip(req.WithContext(watched))
		if err != nil {
			watch.close()
			return nil, withoutURL(watch.cause(err))
		}
		next, err := redirect(u, res)
		if err == nil && next == nil {
			res.Body = watch.body(res)
			return res, nil
		}
		_ = res.Body.Close()
		if err == nil && n == maxRedirects {
			err = &RedirectError{public(next), fmt.Sprintf("is one redirect more than %d", maxRedirects)}
		}
		if err != nil {
			watch.close()
			return nil, err
		}
		u = next
	}
}

// withoutURL removes what package net/http says about the URL: it may be
// secret.
func withoutURL(err error) error {
	if e := new(url.Error); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// owns says whether a URL is below the base URL, whatever a server decodes or
// cleans in its path: only there its headers are sent.
func (m *httpMirror) owns(u *url.URL) bool {
	path := strings.TrimRight(m.base.Path, "/") + "/"
	return u.Scheme == m.base.Scheme && strings.EqualFold(u.Host, m.base.Host) &&
		strings.HasPrefix(u.Path, path) && !hidesDots(u)
}

// hidesDots says whether a path has segments of dots, plain or encoded, once or
// twice.
func hidesDots(u *url.URL) bool {
	path := u.Path
	for range 2 {
		for _, segment := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if segment == "." || segment == ".." {
				return true
			}
		}
		decoded, err := url.PathUnescape(path)
		if err != nil {
			break
		}
		path = decoded
	}
	return false
}

// redirect returns where an answer sends us; nil if it does not.
func redirect(from *url.URL, res *http.Response) (*url.URL, error) {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	to, err := from.Parse(res.Header.Get("Location"))
	switch {
	case err != nil || res.Header.Get("Location") == "":
		return nil, &RedirectError{"", "has no readable Location"}
	case to.Scheme == from.Scheme, from.Scheme == "http" && to.Scheme == "https":
	case to.Scheme == "http":
		return nil, &RedirectError{public(to), "leads from https to http"}
	default:
		return nil, &RedirectError{public(to), "leads to another scheme"}
	}
	if to.Host == "" {
		return nil, &RedirectError{public(to), "names no host"}
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	return to, nil
}
