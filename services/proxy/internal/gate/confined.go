package gate

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// confined sends requests to the hosts of a repository only: a mirror must not
// choose, by a redirect, whom the proxy asks.
type confined struct {
	hosts map[string]bool // scheme://host
	base  http.RoundTripper
}

// confine returns a transport for the hosts of these URLs.
func confine(base http.RoundTripper, urls ...[]string) http.RoundTripper {
	c := &confined{map[string]bool{}, base}
	for _, text := range slices.Concat(urls...) {
		if u, err := url.Parse(text); err == nil {
			c.hosts[u.Scheme+"://"+u.Host] = true
		}
	}
	if c.base == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableCompression = true
		t.MaxResponseHeaderBytes = 64 << 10
		t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
		t.TLSHandshakeTimeout = connectTimeout
		c.base = t
	}
	return c
}

// RoundTrip implements http.RoundTripper.
func (c *confined) RoundTrip(r *http.Request) (*http.Response, error) {
	if !c.hosts[r.URL.Scheme+"://"+r.URL.Host] {
		return nil, fmt.Errorf("%s is no host of the repository", r.URL.Host)
	}
	return c.base.RoundTrip(r)
}

// CloseIdleConnections closes the connections that are not in use.
func (c *confined) CloseIdleConnections() {
	if t, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
