package mirror

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	connectTimeout = 10 * time.Second
	silence        = 20 * time.Second // how long a server may send nothing
	retries        = 3
	longestPause   = 3 * time.Second // between retries; a longer Retry-After is cut
)

// NewClient returns a client that retries after temporary errors: no
// connection, 429, 5xx. Any other status is an answer.
func NewClient() *http.Client {
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
	transport.IdleConnTimeout = silence / 2 // ends before the read deadline does
	transport.MaxResponseHeaderBytes = 64 << 10

	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: transport}
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = retries, 200*time.Millisecond, longestPause
	c.Backoff = func(least, most time.Duration, attempt int, res *http.Response) time.Duration {
		return min(retryablehttp.DefaultBackoff(least, most, attempt, res), longestPause)
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer, not "giving up"
	return c.StandardClient()
}

// impatientConn fails a read if the server sends nothing for too long.
type impatientConn struct{ net.Conn }

func (c impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
