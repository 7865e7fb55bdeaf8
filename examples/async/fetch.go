package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	mirrorhttp "github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/verify"
)

// How an attempt to download a target may end, apart from success and an HTTP
// status.
type (
	// wrongError is a wrong body, all of which came from one mirror. It is that
	// mirror's fault.
	wrongError struct{ error }
	// brokenError is a body that broke off. Its bytes are saved, and the next
	// attempt continues from there.
	brokenError struct{ error }
	// localError is an error of the local disk. No other mirror can help.
	localError struct{ error }
)

// errMixed says that bytes of several answers together are wrong. It is not
// known which answer is wrong, so no mirror is blamed, and the mirror is asked
// again for the whole file.
var errMixed = errors.New("the saved part and the rest do not make the target")

func (e wrongError) Unwrap() error  { return e.error }
func (e brokenError) Unwrap() error { return e.error }
func (e localError) Unwrap() error  { return e.error }

// fetch downloads a target from the first mirror that serves the right content.
// It returns a text that says from where.
func (d *downloader) fetch(ctx context.Context, t *verify.Target, bar *progress.Bar) (how string, err error) {
	defer func() {
		if err != nil {
			bar.Abort()
			return
		}
		bar.Finish()
	}()
	p, err := d.dest.open(t)
	if err != nil {
		return "", err
	}
	defer p.close()
	var errs []error
	var tried []*mirror
	for {
		m := d.mirrors.take(targetsBase, tried)
		if m == nil {
			return "", errors.Join(errs...)
		}
		how, err := d.fetchFrom(ctx, m, p, bar)
		d.mirrors.giveBack(m)
		switch {
		case err == nil:
			d.mirrors.with(func() { m.files, m.down = m.files+1, false })
			return how, nil
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case errors.As(err, new(localError)):
			return "", err
		case errors.As(err, new(wrongError)):
			d.mirrors.blame(m, t.Path, err)
		default:
			d.mirrors.excuse(m, t.Path, err)
		}
		errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		tried = append(tried, m)
	}
}

// fetchFrom asks one mirror, and asks it again as long as that may help.
func (d *downloader) fetchFrom(ctx context.Context, m *mirror, p *part, bar *progress.Bar) (string, error) {
	paths, err := p.target.URLPaths()
	if err != nil {
		return "", err
	}
	mixed := false
	for try := 0; ; try++ {
		from, err := d.attempt(ctx, m.targets, paths[0], p, bar)
		switch {
		case err == nil && from == p.target.Length:
			return "was complete, but not installed yet", p.install()
		case err == nil && from > 0:
			d.mirrors.with(func() { m.resumed++ })
			return fmt.Sprintf("from %s, resumed at byte %d", m.name, from), p.install()
		case err == nil:
			return "from " + m.name, p.install()
		case errors.Is(err, verify.ErrNotAtSource) && len(paths) > 1:
			paths = paths[1:] // the name with another digest
			try--
			continue
		case errors.Is(err, errMixed) && !mixed: // the saved part may be another mirror's fault
			mixed = true
			try--
			continue
		case try == d.Retries:
			return "", err
		case errors.Is(err, errMixed):
			continue
		case errors.As(err, new(brokenError)):
			d.mirrors.with(func() { m.again++ })
			select {
			case <-time.After(backoff(d.Pause, longestPause, try, nil)):
				continue
			case <-ctx.Done():
			}
		}
		return "", err
	}
}

// attempt makes one request, for the missing part of a target. It returns the
// number of bytes that were saved before. On success, the partial file has all
// bytes, and all of them are verified: those from the disk are read again.
func (d *downloader) attempt(
	ctx context.Context, base, path string, p *part, bar *progress.Bar,
) (from int64, err error) {
	v := p.target.Verifier()
	if _, err := io.Copy(v, bar.Reader(p.fromStart())); err != nil { // too long, or complete and wrong
		if err := p.empty(); err != nil {
			return 0, localError{err}
		}
		v = p.target.Verifier()
		_ = bar.Reader(nil) // back to nothing
	}
	from = v.Written()
	if from == p.target.Length && v.Verify() == nil {
		return from, nil
	}
	url := strings.TrimRight(base, "/") + "/" + path
	res, err := d.get(ctx, url, from, p)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body := io.TeeReader(source{res.Body}, bar)
	switch {
	case res.StatusCode == http.StatusPartialContent && from > 0 && goesOn(res, from, p.target.Length):
	case from > 0 && noSuchPart(res):
		// The mirror's file has another length, or it sends another part.
		if err := p.empty(); err != nil {
			return 0, localError{err}
		}
		return 0, errMixed // ask for the whole file
	case res.StatusCode == http.StatusOK:
		if err := p.begin(url, res.Header.Get("ETag")); err != nil {
			return 0, localError{err}
		}
		from, v, body = 0, p.target.Verifier(), bar.Reader(source{res.Body})
		if n := res.ContentLength; n >= 0 && n != p.target.Length { // no need to read it
			return 0, wrongError{&verify.LengthError{File: p.target.Path, Want: p.target.Length, Got: n}}
		}
	default:
		return 0, &mirrorhttp.StatusError{URL: url, Status: res.StatusCode}
	}
	// The Verifier comes first: so the last byte of a wrong file is not
	// written.
	_, err = io.Copy(io.MultiWriter(v, p.file), body)
	return from, p.judge(v, res, from, err)
}

// noSuchPart reports whether a status answers a request for a part with
// anything but the whole file or an error.
func noSuchPart(res *http.Response) bool {
	return res.StatusCode == http.StatusPartialContent || res.StatusCode == http.StatusRequestedRangeNotSatisfiable
}

// judge returns the outcome of an attempt when its body has ended.
func (p *part) judge(v *verify.Verifier, res *http.Response, from int64, err error) error {
	wrong := v.Verify()
	length, hash := new(verify.LengthError), new(verify.HashError)
	short := v.Written() < p.target.Length && errors.As(wrong, &length) && length.Got < length.Want
	noLength := res.ProtoMajor == 1 && res.ContentLength < 0 && len(res.TransferEncoding) == 0
	switch {
	case err == nil && wrong == nil:
		return nil
	case errors.As(err, new(brokenError)):
		return err
	case err != nil && !errors.As(err, &length) && !errors.As(err, &hash):
		return localError{err}
	case short && (from > 0 || noLength): // a part may be short, and without a length any end may be early
		return brokenError{io.ErrUnexpectedEOF}
	}
	if err := p.empty(); err != nil {
		return localError{err}
	}
	if from > 0 {
		return errMixed
	}
	return wrongError{wrong}
}

// get requests a file from a byte on. If the last answer from this URL had an
// ETag, it asks for that part only of the same file.
func (d *downloader) get(ctx context.Context, url string, from int64, p *part) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes that were signed; net/http does not unpack
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		if etag := p.etag(url); etag != "" {
			req.Header.Set("If-Range", etag)
		}
	}
	res, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	encoding := res.Header.Get("Content-Encoding")
	if encoding != "" && !strings.EqualFold(encoding, "identity") {
		_ = res.Body.Close()
		return nil, &mirrorhttp.EncodingError{URL: url, Encoding: encoding}
	}
	return res, nil
}

// goesOn reports whether a partial answer is the requested part.
func goesOn(res *http.Response, from, length int64) bool {
	var first, last, total int64
	n, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
	return err == nil && n == 3 && first == from && last < length && total == length
}

// source marks the errors of reading a body.
type source struct{ io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenError{err}
	}
	return n, err
}
