package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/verify"
)

const (
	connectTimeout = 10 * time.Second
	silence        = 20 * time.Second // how long a server may send nothing at all
	retries        = 3
	longestPause   = 3 * time.Second // between retries, whatever Retry-After says
)

// newClient returns a client that tries again what may pass: no connection, 429, 5xx. Any other status is an answer.
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return impatientConn{conn}, nil
	}
	transport.ResponseHeaderTimeout = silence
	transport.IdleConnTimeout = silence / 2 // before the deadline of the read that is waiting
	transport.MaxResponseHeaderBytes = 64 << 10

	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: transport}
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = retries, 200*time.Millisecond, longestPause
	c.Backoff = func(least, most time.Duration, attempt int, res *http.Response) time.Duration {
		return min(retryablehttp.DefaultBackoff(least, most, attempt, res), longestPause)
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer says more than "giving up"
	return c.StandardClient()
}

// impatientConn gives up on a server that has fallen silent.
type impatientConn struct{ net.Conn }

func (c impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// fetch installs a target from the first mirror that has it, and has it right.
func (in *installer) fetch(ctx context.Context, client *http.Client, dest *destination, t *verify.Target, b *bar) error {
	paths, err := t.URLPaths()
	errs := []error{err}
	for _, base := range in.TargetsURL {
		for _, path := range paths {
			err := fetchFrom(ctx, client, base, path, dest, t, b)
			if err == nil {
				b.finish()
				return nil
			}
			errs = append(errs, err)
			if !errors.Is(err, verify.ErrAbsent) {
				break // the file's other names would give the same
			}
		}
	}
	b.abort()
	return errors.Join(errs...)
}

func fetchFrom(ctx context.Context, client *http.Client, base, path string, dest *destination, t *verify.Target, b *bar) error {
	body, err := mirror.Get(ctx, client, base, path)
	if err != nil {
		return err
	}
	defer body.Close()
	err = dest.write(t.Path, func(w io.Writer) error { return t.Copy(w, b.reader(body)) })
	if err != nil {
		return fmt.Errorf("%s/%s: %w", base, path, err)
	}
	return nil
}

// bars shows how downloads go on: on a terminal only, and not at all if quiet.
type bars struct{ progress *mpb.Progress }

func newBars(ctx context.Context, w io.Writer, quiet bool) bars {
	if quiet {
		w = io.Discard
	}
	return bars{mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.WithWidth(64))}
}

func (b bars) wait() { b.progress.Wait() }

// bar is one download's. Its end is told, never guessed from the bytes: all of them may come, and be the wrong ones.
type bar struct{ bar *mpb.Bar }

func (b bars) add(t *verify.Target, place int) *bar {
	state := decor.OnAbort(decor.OnComplete(decor.CountersKibiByte("% .1f of % .1f"), "verified"), "failed")
	mb := b.progress.AddBar(0, mpb.BarPriority(place), mpb.PrependDecorators(decor.Name(t.Path, decor.WCSyncSpaceR)), mpb.AppendDecorators(state))
	mb.SetTotal(t.Length, false)
	return &bar{mb}
}

// reader counts from the start again: another mirror's copy replaces the last one's. (ProxyReader would take the end of the body for success.)
func (b *bar) reader(r io.Reader) io.Reader {
	b.bar.SetCurrent(0)
	return io.TeeReader(r, b)
}

func (b *bar) Write(p []byte) (int, error) {
	b.bar.IncrBy(len(p))
	return len(p), nil
}

func (b *bar) finish() { b.bar.SetTotal(-1, true) }

// abort empties the bar first, because a full one that is aborted counts as completed.
func (b *bar) abort() {
	b.bar.SetTotal(1, false)
	b.bar.SetCurrent(0)
	b.bar.Abort(false)
}
