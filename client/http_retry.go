package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tufwalk/tufwalk/verify"
)

// The pauses between two tries, before chance makes them up to a half longer or
// shorter.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 3 * time.Second
)

// retry sends a request until it succeeds or another try is of no use. A try
// that made good progress does not count. The error is an *HTTPError, unless
// the context ended or the error is not the mirror's.
func (m *httpMirror) retry(ctx context.Context, u *url.URL, once func() (progress bool, err error)) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = firstPause, longestPause
	left, timeouts := m.of.config.Retries, 0
	for tries := 1; ; tries++ {
		progress, err := once()
		if err == nil {
			return nil
		}
		if errors.As(err, new(*verify.CopyError)) || isWrong(err) {
			return err
		}
		if progress {
			left, timeouts = m.of.config.Retries, 0
			pauses.Reset()
		}
		if errors.Is(err, ErrTimeLimit) {
			timeouts++
		}
		failure := m.failure(u, err, tries)
		left--
		if left < 0 || timeouts > 1 || !mayPass(failure) || failure.RetryAfter > MaxRetryAfter {
			return ended(ctx, failure)
		}
		pause := time.NewTimer(max(failure.RetryAfter, pauses.NextBackOff()))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ended(ctx, failure)
		}
	}
}

// ended returns the failure, or why the context ended: that of the caller, or a
// limit for this mirror.
func ended(ctx context.Context, failure *HTTPError) error {
	if ctx.Err() == nil {
		return failure
	}
	cause := context.Cause(ctx)
	if limit := new(TimeLimitError); errors.As(cause, &limit) {
		if last := failure.Err; !errors.Is(last, cause) {
			cause = fmt.Errorf("%w; last: %w", cause, last)
		}
		failure.Err = cause
		return failure
	}
	return cause
}

// failure says what is known about a try that failed.
func (m *httpMirror) failure(u *url.URL, err error, tries int) *HTTPError {
	e := &HTTPError{Source: m.name, URL: public(u), Tries: tries, Err: err}
	if status := new(StatusError); errors.As(err, &status) {
		e.Status, e.RetryAfter = status.Status, status.after
	}
	return e
}

// mayPass says whether another try at the same mirror may help.
func mayPass(failure *HTTPError) bool {
	var (
		limit       = new(TimeLimitError)
		dns         = new(net.DNSError)
		certificate = new(tls.CertificateVerificationError)
	)
	switch err := failure.Err; {
	case errors.As(err, &limit):
		return limit.Limit == "SilenceTimeout"
	case failure.Status == http.StatusTooManyRequests, failure.Status == http.StatusRequestTimeout:
		return true
	case failure.Status != 0:
		return failure.Status >= 500 && failure.Status != http.StatusNotImplemented
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &certificate), errors.As(err, new(*RedirectError)), errors.As(err, new(*EncodingError)):
		return false
	}
	return true
}
