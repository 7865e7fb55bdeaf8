package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// within limits everything that is done for one file at one mirror.
func within(ctx context.Context, name string, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, limit, &TimeLimitError{name, fmt.Sprintf("not done after %v", limit)})
}

// watch ends a request when a limit is exceeded.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	config *MirrorsConfig

	mu    sync.Mutex
	timer *time.Timer
}

// newWatch returns a context for requests, and what ends it. It must be closed.
func newWatch(ctx context.Context, c *MirrorsConfig) (context.Context, *watch) {
	w := &watch{config: c}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return httptrace.WithClientTrace(w.ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.arm(c.ConnectTimeout, w.noConnection()) },
		GotConn: func(httptrace.GotConnInfo) { w.arm(c.SilenceTimeout, w.silent()) },
	}), w
}

func (w *watch) noConnection() error {
	return &TimeLimitError{"ConnectTimeout", fmt.Sprintf("no connection after %v", w.config.ConnectTimeout)}
}

func (w *watch) silent() error {
	return &TimeLimitError{"SilenceTimeout", fmt.Sprintf("sent nothing for %v", w.config.SilenceTimeout)}
}

// connecting limits the wait for an answer. A transport that does not report
// its connections has the time for both.
func (w *watch) connecting() {
	limit := w.config.ConnectTimeout + w.config.SilenceTimeout
	if w.config.ConnectTimeout < 0 || w.config.SilenceTimeout < 0 {
		limit = -1
	}
	w.arm(limit, w.silent())
}

// arm ends the request after a time. Less than zero means never.
func (w *watch) arm(limit time.Duration, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.timer = nil; limit >= 0 {
		w.timer = time.AfterFunc(limit, func() { w.cancel(cause) })
	}
}

func (w *watch) disarm() { w.arm(-1, nil) }

func (w *watch) close() {
	w.disarm()
	w.cancel(context.Canceled)
}

// cause returns the limit, if one was exceeded, in the place of what it led to.
func (w *watch) cause(err error) error {
	if limit := context.Cause(w.ctx); limit != nil && limit != context.Canceled {
		return limit
	}
	return err
}

// watchedBody is a body with a limit on silence and on the rate.
type watchedBody struct {
	*watch
	io.ReadCloser
	length, total int64

	spent time.Duration // in this window, only while waiting
	got   int64
}

func (w *watch) body(res *http.Response) io.ReadCloser {
	w.disarm()
	return &watchedBody{watch: w, ReadCloser: res.Body, length: res.ContentLength}
}

func (b *watchedBody) Read(p []byte) (int, error) {
	limit, cause := b.config.SilenceTimeout, b.silent()
	enough := int64(float64(b.config.MinRate) * RateWindow.Seconds())
	if left := RateWindow - b.spent; b.config.MinRate > 0 && b.got < enough && (limit < 0 || left < limit) {
		limit, cause = left, b.slow()
	}
	b.arm(limit, cause)
	began := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.disarm()
	b.spent += time.Since(began)
	b.got += int64(n)
	b.total += int64(n)
	switch {
	case err != nil && err != io.EOF:
		return n, &brokenError{b.total, b.length, b.watch.cause(err)}
	case err == nil && b.spent >= RateWindow:
		if b.config.MinRate > 0 && b.got < enough {
			return n, &brokenError{b.total, b.length, b.slow()}
		}
		b.spent, b.got = 0, 0
	}
	return n, err
}

func (b *watchedBody) slow() error {
	return &TimeLimitError{"MinRate", fmt.Sprintf("slower than %d bytes per second", b.config.MinRate)}
}

func (b *watchedBody) Close() error {
	b.watch.close()
	return b.ReadCloser.Close()
}
