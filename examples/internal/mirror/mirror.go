// Package mirror fetches a repository's files over HTTP. It trusts nothing that
// it fetches, and bounds it.
//
// Retries, and deadlines for connecting, for silence and in all, are the
// business of the http.Client that is given.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tufwalk/tufwalk/verify"
)

// StatusError is an HTTP answer that is no file. It wraps verify.ErrNotAtSource
// if the status says that there is none: 404, 410, and also 403, which is what
// S3 answers for a missing key to those who may not list its keys.
type StatusError struct {
	URL    string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: HTTP status %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

func (e *StatusError) Unwrap() error {
	switch e.Status {
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden:
		return verify.ErrNotAtSource
	}
	return nil
}

// TooLongError is a file that goes on after the bytes that the request allows.
// The rest was not read.
type TooLongError struct {
	URL string
	Max int64
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s: longer than %d bytes, the most that is taken", e.URL, e.Max)
}

// EncodingError is an answer in a content encoding, although identity was asked
// for: not the bytes that were signed.
type EncodingError struct{ URL, Encoding string }

func (e *EncodingError) Error() string {
	return fmt.Sprintf("%s: the server sends it with Content-Encoding %q, not as it was signed", e.URL, e.Encoding)
}

// New returns the mirror at a base URL as a source of metadata.
func New(baseURL string, client *http.Client) verify.Source {
	return WithContext(context.Background(), baseURL, client)
}

// WithContext is New with a context that ends every request.
func WithContext(ctx context.Context, baseURL string, client *http.Client) verify.Source {
	return func(q verify.Request) ([]byte, error) {
		body, err := Get(ctx, client, baseURL, q.Path)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		// One byte more than is allowed tells a file that is too long from one
		// that just fits.
		data, err := io.ReadAll(io.LimitReader(body, q.MaxBytes+1))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", join(baseURL, q.Path), err)
		}
		if int64(len(data)) > q.MaxBytes {
			return nil, &TooLongError{join(baseURL, q.Path), q.MaxBytes}
		}
		return data, nil
	}
}

// Get asks for the file at a path that is percent-encoded already, and returns
// its content, to be bounded and closed by the caller.
func Get(ctx context.Context, client *http.Client, baseURL, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, join(baseURL, path), nil)
	if err != nil {
		return nil, err
	}
	// Asking at all keeps net/http from unpacking behind our back: a small body
	// that unpacks to a huge one defeats limits.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	where, encoding := req.URL.Redacted(), res.Header.Get("Content-Encoding")
	switch {
	case res.StatusCode != http.StatusOK:
		err = &StatusError{where, res.StatusCode}
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		err = &EncodingError{where, encoding}
	default:
		return res.Body, nil
	}
	return nil, errors.Join(err, res.Body.Close())
}

// join appends the path as it is. Resolving it against the base would give
// dots, colons and double slashes a meaning.
func join(baseURL, path string) string { return strings.TrimRight(baseURL, "/") + "/" + path }

// CheckBase refuses what is no base URL: one that a path can be appended to.
func CheckBase(baseURL string) error {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%q is no URL with http or https and a host", baseURL)
	case u.User != nil: // they would end up in messages and notes, and go along with redirects
		return fmt.Errorf("%q: credentials do not belong into a URL", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q has a query or a fragment: no path can be appended", baseURL)
	}
	return nil
}
