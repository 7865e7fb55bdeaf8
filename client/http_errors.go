package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// HTTPError says why a mirror did not answer a request. Its kind by
// verify.KindOf is KindUnreachable. Its text names neither the mirror nor the
// file: what wraps it does.
type HTTPError struct {
	Source string // the name of the mirror
	// URL is what was asked for, without user info and values of a query.
	URL string
	// Status is that of the last answer; 0 if there was none.
	Status int
	// RetryAfter is the pause that the mirror asks for; 0 if it asks for none.
	RetryAfter time.Duration
	// Tries is how often the request was sent.
	Tries int
	// Err is the cause. It wraps verify.ErrNotAtSource if the mirror says that
	// the file does not exist.
	Err error
}

func (e *HTTPError) Error() string {
	text := e.Err.Error()
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", to be asked again after %v", e.RetryAfter)
	}
	if e.Tries > 1 {
		text += fmt.Sprintf(" (%d tries)", e.Tries)
	}
	return text
}

func (e *HTTPError) Unwrap() error { return e.Err }

// Kind is that of an error for which no source could be asked.
func (e *HTTPError) Kind() verify.Kind { return verify.KindUnreachable }

// StatusError is an HTTP status that is no success. It wraps
// verify.ErrNotAtSource if the status means that the file does not exist: 404
// and 410, and 403 with MirrorsConfig.ForbiddenIsAbsent.
type StatusError struct {
	Status int
	absent bool
	after  time.Duration
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("HTTP status %d", e.Status)
	if name := http.StatusText(e.Status); name != "" {
		text += " " + name
	}
	switch {
	case e.absent && e.Status == http.StatusForbidden:
		return text + ", treated as absent"
	case e.Status == http.StatusProxyAuthRequired:
		return text + ": a proxy needs a password"
	}
	return text
}

func (e *StatusError) Unwrap() error {
	if e.absent {
		return verify.ErrNotAtSource
	}
	return nil
}

var errProxyAuth error = &StatusError{Status: http.StatusProxyAuthRequired}

func (m *httpMirror) statusError(res *http.Response) error {
	e := &StatusError{Status: res.StatusCode}
	switch res.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		e.absent = true
	case http.StatusForbidden:
		e.absent = m.of.config.ForbiddenIsAbsent
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.after = retryAfter(res.Header.Get("Retry-After"))
	}
	return e
}

// retryAfter reads seconds or a time.
func retryAfter(s string) time.Duration {
	if seconds, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(at).Round(time.Second))
	}
	return 0
}

// RedirectError is a redirect that was not followed.
type RedirectError struct {
	To     string // without secrets; may be empty
	Reason string
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("redirected to %q, which %s", metadata.Printable(e.To), e.Reason)
}

// brokenError is a body that broke off. Of is -1 if its length is not known.
type brokenError struct {
	after, of int64
	err       error
}

func (e *brokenError) Error() string {
	if e.of < 0 {
		return fmt.Sprintf("broke off after %d bytes: %v", e.after, e.err)
	}
	return fmt.Sprintf("broke off after %d of %d bytes: %v", e.after, e.of, e.err)
}

func (e *brokenError) Unwrap() error { return e.err }

// ErrTimeLimit is returned (wrapped) when a mirror was too slow.
var ErrTimeLimit = errors.New("too slow")

// TimeLimitError says which limit of MirrorsConfig a mirror exceeded. It wraps
// ErrTimeLimit.
type TimeLimitError struct {
	// Limit is the name of the field: "ConnectTimeout", "SilenceTimeout",
	// "MinRate", "TotalTimeout" or "DownloadTimeout".
	Limit string
	// Text says what happened.
	Text string
}

func (e *TimeLimitError) Error() string { return e.Text }
func (e *TimeLimitError) Unwrap() error { return ErrTimeLimit }
