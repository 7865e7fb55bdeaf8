package client

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Defaults of MirrorsConfig.
const (
	// DefaultConnectTimeout is for one connection, TLS included.
	DefaultConnectTimeout = 10 * time.Second
	// DefaultSilenceTimeout is how long a mirror may send nothing.
	DefaultSilenceTimeout = 20 * time.Second
	// DefaultMinRate is in bytes per second, on average over RateWindow.
	DefaultMinRate = 1 << 10
	// RateWindow is the time over which the rate is measured.
	RateWindow = 30 * time.Second
	// DefaultTotalTimeout is for one file of metadata from one mirror, with all
	// tries and the pauses between them.
	DefaultTotalTimeout = 5 * time.Minute
	// DefaultRetries is how many more times a request is sent to a mirror.
	DefaultRetries = 3
	// MaxRetryAfter is the longest pause that a mirror may ask for by
	// Retry-After. One that asks for more is not asked again by this request,
	// and comes after others for that long, but not longer than
	// RestAfterWrong.
	MaxRetryAfter = 10 * time.Second
	// RestAfterFailure is how long a mirror comes after others because it
	// could not answer.
	RestAfterFailure = time.Minute
	// RestAfterWrong is how long a mirror comes after all others because it
	// sent wrong bytes.
	RestAfterWrong = 10 * time.Minute
)

// MirrorsConfig says where the files of one repository are, and how long to
// wait for them. In each limit, zero means the default, and less than zero that
// there is none.
type MirrorsConfig struct {
	// Metadata and Targets are base URLs, http or https, best first. They may
	// have a query, which goes along with each request, and a user and a
	// password, which become an Authorization header of that base URL.
	Metadata, Targets []string
	// Transport sends the requests: proxies and TLS are its business. It must
	// not follow redirects, and should not decompress or retry. Nil means one
	// like http.DefaultTransport, with the proxies of the environment.
	Transport http.RoundTripper
	// Headers are sent to a base URL, which is the key. They may be secret:
	// they are sent only below that base URL, and on a redirect only if it
	// leads to another place below it.
	Headers map[string]http.Header
	// ForbiddenIsAbsent treats status 403 as saying that a file does not exist:
	// S3 answers so to clients that may not list its keys.
	ForbiddenIsAbsent bool
	// KeepOrder asks the mirrors in the order given, always. Otherwise one that
	// failed or sent wrong bytes comes after the others for a while.
	KeepOrder bool

	// ConnectTimeout is for one connection (DefaultConnectTimeout).
	ConnectTimeout time.Duration
	// SilenceTimeout is for the wait for an answer and for each wait for more
	// of it (DefaultSilenceTimeout).
	SilenceTimeout time.Duration
	// MinRate is in bytes per second (DefaultMinRate). A mirror that is slower
	// over a RateWindow is given up for this file. Time that goes by while the
	// client writes to the disk does not count.
	MinRate int64
	// TotalTimeout is for one file of metadata from one mirror
	// (DefaultTotalTimeout).
	TotalTimeout time.Duration
	// DownloadTimeout is for one target from one mirror. Zero means that there
	// is none: MinRate limits the time.
	DownloadTimeout time.Duration
	// Retries is how many more times a request is sent to a mirror after an
	// error that may pass (DefaultRetries).
	Retries int
}

// Mirrors are the mirrors of one repository. They remember, in memory, which of
// them failed. They are safe for many goroutines.
type Mirrors struct {
	config            MirrorsConfig
	transport         http.RoundTripper
	metadata, targets []*httpMirror
}

// httpMirror is one base URL.
type httpMirror struct {
	of     *Mirrors
	base   *url.URL // without user info
	name   string
	header http.Header
	health health
}

// BaseURLError says what is wrong with a base URL.
type BaseURLError struct {
	URL    string // without secrets
	Reason string
}

func (e *BaseURLError) Error() string { return fmt.Sprintf("base URL %s: it %s", e.URL, e.Reason) }

var errUnusedHeaders = errors.New("headers are given for a base URL that is not listed")

// NewMirrors checks the configuration. It sends nothing. Errors are a
// *BaseURLError for each base URL that cannot be used, and one for headers that
// belong to none.
func NewMirrors(c MirrorsConfig) (*Mirrors, error) {
	c.setDefaults()
	m := &Mirrors{config: c, transport: c.Transport}
	if m.transport == nil {
		m.transport = defaultTransport(c.ConnectTimeout)
	}
	var errs []error
	add := func(bases []string) (list []*httpMirror) {
		for _, base := range bases {
			one, err := m.newMirror(base, list)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			list = append(list, one)
		}
		return list
	}
	m.metadata, m.targets = add(c.Metadata), add(c.Targets)
	for base := range c.Headers {
		if !slices.Contains(c.Metadata, base) && !slices.Contains(c.Targets, base) {
			errs = append(errs, fmt.Errorf("%s: %w", publicURL(base), errUnusedHeaders))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

func (c *MirrorsConfig) setDefaults() {
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, DefaultConnectTimeout)
	c.SilenceTimeout = cmp.Or(c.SilenceTimeout, DefaultSilenceTimeout)
	c.TotalTimeout = cmp.Or(c.TotalTimeout, DefaultTotalTimeout)
	c.MinRate = cmp.Or(c.MinRate, DefaultMinRate)
	c.Retries = cmp.Or(c.Retries, DefaultRetries)
	c.Metadata, c.Targets = slices.Clone(c.Metadata), slices.Clone(c.Targets)
	c.Headers = maps.Clone(c.Headers)
}

func (m *Mirrors) newMirror(base string, others []*httpMirror) (*httpMirror, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil: // its text has the URL, and with it what may be secret
		return nil, &BaseURLError{publicURL(base), "cannot be read as a URL; one begins with https://"}
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, &BaseURLError{publicURL(base), "is not a URL with http or https and a host; it begins with https://"}
	case u.Fragment != "":
		return nil, &BaseURLError{publicURL(base), "has a fragment"}
	case hidesDots(u):
		return nil, &BaseURLError{publicURL(base), "has dots in its path"}
	}
	one := &httpMirror{of: m, header: m.config.Headers[base].Clone()}
	if one.header == nil {
		one.header = http.Header{}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		r := http.Request{Header: one.header}
		r.SetBasicAuth(u.User.Username(), password)
		u.User = nil
	}
	one.base = u
	one.name = u.Host + strings.TrimRight(u.EscapedPath(), "/")
	for n, name := 2, one.name; slices.ContainsFunc(others, func(o *httpMirror) bool { return o.name == one.name }); n++ {
		one.name = fmt.Sprintf("%s (%d)", name, n)
	}
	return one, nil
}

// publicURL returns a URL without user info, the values of its query and its
// fragment.
func publicURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err == nil && u.Opaque != "" && !strings.ContainsAny(s, "@?#"): // localhost:80/x: nothing in it is secret
		return strconv.Quote(s)
	case err != nil || u.Opaque != "":
		return "(not shown)"
	}
	return public(u)
}

func public(u *url.URL) string {
	text := u.Host + u.EscapedPath()
	if u.Scheme != "" {
		text = u.Scheme + "://" + text
	}
	if u.RawQuery != "" {
		text += "?..."
	}
	return text
}

// Name is the host and the path of the base URL.
func (m *httpMirror) Name() string { return m.name }

// Sources returns the mirrors for metadata, best first. Each is a BodySource.
// The order changes with their health, so ask again for each request. The slice
// is the caller's.
func (m *Mirrors) Sources() []Source {
	list := m.inOrder(m.metadata)
	sources := make([]Source, len(list))
	for i, one := range list {
		sources[i] = one
	}
	return sources
}

// closeIdle closes connections that are not in use, if they are our own.
func (m *Mirrors) closeIdle() {
	if t, ok := m.transport.(*http.Transport); ok && m.config.Transport == nil {
		t.CloseIdleConnections()
	}
}
