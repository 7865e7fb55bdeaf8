package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/sync/semaphore"
)

const longestPause = 3 * time.Second // between retries; a longer Retry-After is cut

// newClient returns the client for all requests. It retries after temporary
// errors: no connection, 429, 5xx. Any other status is an answer.
func (d *downloader) newClient() *http.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: d.newTransport()}
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax, c.Backoff = d.Retries, d.Pause, longestPause, backoff
	c.RequestLogHook = func(_ retryablehttp.Logger, req *http.Request, attempt int) {
		if attempt > 0 {
			d.mirrors.retried(req.URL)
		}
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer, not "giving up"
	return c.StandardClient()
}

func (d *downloader) newTransport() *transport {
	base := http.DefaultTransport.(*http.Transport).Clone() // its proxy is http.ProxyFromEnvironment
	if u, err := url.Parse(d.Proxy); err == nil && d.Proxy != "" {
		base.Proxy = http.ProxyURL(u)
	}
	base.MaxIdleConnsPerHost = d.PerHost
	base.MaxResponseHeaderBytes = 64 << 10
	return &transport{
		base: base, token: d.Token, mirrors: d.mirrors.all, silence: d.Silence,
		total: semaphore.NewWeighted(int64(d.Parallel)), perHost: int64(d.PerHost),
		hosts: make(map[string]*semaphore.Weighted),
	}
}

func backoff(least, most time.Duration, attempt int, res *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(least, most, attempt, res), longestPause)
}

// transport sends single requests. Each retry and each redirection is a request
// of its own. So a pause holds no slot, and each redirection decides anew
// whether the token is sent.
type transport struct {
	base    http.RoundTripper
	token   string
	mirrors []*mirror
	silence time.Duration
	total   *semaphore.Weighted
	perHost int64

	mu    sync.Mutex
	hosts map[string]*semaphore.Weighted
}

// SilenceError says that a server sent nothing for too long.
type SilenceError struct {
	Host  string
	After time.Duration
}

func (e *SilenceError) Error() string { return fmt.Sprintf("%s sent nothing for %s", e.Host, e.After) }

// RoundTrip implements http.RoundTripper. A request holds its slots until its
// body is closed.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	// The slot of the host comes first: a request that waits for a slow host
	// must not hold a slot that others could use. Unlike MaxConnsPerHost, this
	// counts requests: in HTTP/2 they share a connection.
	host := t.host(origin(req.URL))
	if err := host.Acquire(req.Context(), 1); err != nil {
		return nil, err
	}
	if err := t.total.Acquire(req.Context(), 1); err != nil {
		host.Release(1)
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	b := &body{ctx: ctx, silence: t.silence, close: sync.OnceFunc(func() {
		cancel(nil)
		t.total.Release(1)
		host.Release(1)
	})}
	silent := &SilenceError{req.URL.Host, t.silence}
	b.timer = time.AfterFunc(t.silence, func() { cancel(silent) })
	sent := req.Clone(ctx) // a redirection would copy the header of the original
	if t.token != "" && t.own(req.URL) {
		sent.Header.Set("Authorization", "Bearer "+t.token)
	}
	res, err := t.base.RoundTrip(sent)
	b.timer.Stop()
	if err != nil {
		err = b.because(err)
		b.close()
		return nil, err
	}
	b.ReadCloser, res.Body = res.Body, b
	return res, nil
}

func (t *transport) own(u *url.URL) bool {
	for _, m := range t.mirrors {
		if m.at(u) {
			return true
		}
	}
	return false
}

func (t *transport) host(origin string) *semaphore.Weighted {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hosts[origin] == nil {
		t.hosts[origin] = semaphore.NewWeighted(t.perHost)
	}
	return t.hosts[origin]
}

// origin is scheme, host and port. A token for https must not be sent over
// http.
func origin(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// body fails a read if the server sends nothing for too long, in any version of
// HTTP. Only the time counts in which a read waits.
type body struct {
	io.ReadCloser
	ctx     context.Context
	timer   *time.Timer
	silence time.Duration
	close   func()
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.silence)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	return n, b.because(err)
}

func (b *body) Close() error {
	defer b.close()
	return b.ReadCloser.Close()
}

// because replaces an error by a SilenceError if that was the cause.
func (b *body) because(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if silent := new(SilenceError); errors.As(context.Cause(b.ctx), &silent) {
		return silent
	}
	return err
}
