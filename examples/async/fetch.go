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
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// How an attempt at a target may end, apart from success and an HTTP status.
type (
	// wrongError is a body that is wrong from its first byte to its last: the
	// mirror's fault.
	wrongError struct{ error }
	// brokenError is a body that broke off. What came of it is kept, and the
	// next attempt goes on from there.
	brokenError struct{ error }
	// localError is trouble with this machine's files: no mirror can help.
	localError struct{ error }
)

// errMixed says that bytes of several answers do not make the target. Nobody
// knows which of them are wrong, so nobody is to blame, and the mirror is asked
// again for the whole.
var errMixed = errors.New("what was there already and what came do not fit together")

func (e wrongError) Unwrap() error  { return e.error }
func (e brokenError) Unwrap() error { return e.error }
func (e localError) Unwrap() error  { return e.error }

// fetch downloads a target from the first mirror that has it, and has it right,
// and says how.
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

// fetchFrom goes on with one mirror as long as that may help.
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
			return "was all there, but not yet in place", p.install()
		case err == nil && from > 0:
			d.mirrors.with(func() { m.resumed++ })
			return fmt.Sprintf("from %s, on from byte %d", m.name, from), p.install()
		case err == nil:
			return "from " + m.name, p.install()
		case errors.Is(err, verify.ErrNotAtSource) && len(paths) > 1:
			paths = paths[1:] // named after another digest
			try--
			continue
		case errors.Is(err, errMixed) && !mixed: // what another mirror left behind is not this one's fault
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

// attempt makes one request for what is missing of a target, and returns how
// many bytes were there already. On success all bytes are in the partial file
// and have been verified, those from the disk too: the Verifier reads them
// again.
func (d *downloader) attempt(ctx context.Context, base, path string, p *part, bar *progress.Bar) (from int64, err error) {
	v := p.target.Verifier()
	if _, err := io.Copy(v, bar.Reader(p.fromStart())); err != nil { // too long, or whole and wrong
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
	case from > 0 && (res.StatusCode == http.StatusPartialContent || res.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		if err := p.empty(); err != nil { // the mirror's file is not as long as ours will be, or it sends another part: ask for the whole
			return 0, localError{err}
		}
		return 0, errMixed
	case res.StatusCode == http.StatusOK:
		if err := p.begin(url, res.Header.Get("ETag")); err != nil {
			return 0, localError{err}
		}
		from, v, body = 0, p.target.Verifier(), bar.Reader(source{res.Body})
		if n := res.ContentLength; n >= 0 && n != p.target.Length { // need not be read
			return 0, wrongError{&roles.LengthError{File: p.target.Path, Want: p.target.Length, Got: n}}
		}
	default:
		return 0, &mirrorhttp.StatusError{URL: url, Status: res.StatusCode}
	}
	_, err = io.Copy(io.MultiWriter(v, p.file), body) // the Verifier first: it keeps the last byte of a wrong file from the disk
	return from, p.judge(v, res, from, err)
}

// judge says what the end of a body means.
func (p *part) judge(v *verify.Verifier, res *http.Response, from int64, err error) error {
	verdict := v.Verify()
	length, hash := new(roles.LengthError), new(roles.HashError)
	short := v.Written() < p.target.Length && errors.As(verdict, &length) && length.Got < length.Want
	switch {
	case err == nil && verdict == nil:
		return nil
	case errors.As(err, new(brokenError)):
		return err
	case err != nil && !errors.As(err, &length) && !errors.As(err, &hash):
		return localError{err}
	case short && (from > 0 || res.ProtoMajor == 1 && res.ContentLength < 0 && len(res.TransferEncoding) == 0):
		return brokenError{io.ErrUnexpectedEOF} // a part may be short; and nobody said how long the body would be
	}
	if err := p.empty(); err != nil {
		return localError{err}
	}
	if from > 0 {
		return errMixed
	}
	return wrongError{verdict}
}

// get asks for a file from a byte on. If the last answer from this URL had an
// ETag, that part is only wanted of the same file.
func (d *downloader) get(ctx context.Context, url string, from int64, p *part) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes as they were signed; net/http unpacks nothing then
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
	if encoding := res.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		_ = res.Body.Close()
		return nil, &mirrorhttp.EncodingError{URL: url, Encoding: encoding}
	}
	return res, nil
}

// goesOn says whether a partial answer is the part that was asked for.
func goesOn(res *http.Response, from, length int64) bool {
	var first, last, total int64
	n, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
	return err == nil && n == 3 && first == from && last < length && total == length
}

// source marks what goes wrong while a body is read.
type source struct{ io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenError{err}
	}
	return n, err
}
