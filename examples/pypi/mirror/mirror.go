// Package mirror fetches the files of a repository over HTTP. It bounds what it
// reads, and trusts none of it.
//
// Retries and deadlines are set in the http.Client that it is given.
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

// StatusError is an HTTP status other than 200. It wraps verify.ErrNotAtSource
// if the status says that there is no such file: 404, 410, and also 403, which
// S3 answers for a missing key to clients that may not list its keys.
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

// TooLongError is a file that is longer than the request allows. The rest was
// not read.
type TooLongError struct {
	URL string
	Max int64
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s: longer than %d bytes, the limit of the request", e.URL, e.Max)
}

// EncodingError is an answer with a content encoding, although the request asks
// for identity. Its bytes are not those that were signed.
type EncodingError struct{ URL, Encoding string }

func (e *EncodingError) Error() string {
	return fmt.Sprintf("%s: sent with Content-Encoding %q, expected the plain bytes", e.URL, e.Encoding)
}

// New returns the mirror at a base URL as a source of metadata.
func New(baseURL string, client *http.Client) verify.Source {
	return func(ctx context.Context, q verify.Request) ([]byte, error) {
		body, err := Get(ctx, client, baseURL, q.Path)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		// One byte more than the limit shows that a file is too long.
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

// Get requests the file at a path that is percent-encoded already. It returns
// the body, which the caller must bound and close.
func Get(ctx context.Context, client *http.Client, baseURL, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, join(baseURL, path), nil)
	if err != nil {
		return nil, err
	}
	// With this header net/http does not unpack: a small body that unpacks to a
	// huge one would defeat limits.
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

// CheckBase returns an error unless a path can be appended to the URL.
func CheckBase(baseURL string) error {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%q is not a URL with http or https and a host", baseURL)
	case u.User != nil: // they would be printed, and sent along with redirects
		return fmt.Errorf("%q: credentials are not allowed in a URL", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q has a query or a fragment, so no path can be appended", baseURL)
	}
	return nil
}
