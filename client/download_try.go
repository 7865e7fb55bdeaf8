package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tufwalk/tufwalk/verify"
)

// worthATry is how many bytes a try must have got so that it does not count as
// a failed one.
const worthATry = 1 << 20

// errMixed says that bytes of several answers together are wrong. It is not
// known which of them is, so no mirror is blamed, and the whole file is asked
// for.
var errMixed = errors.New("the saved part and the rest do not make the file")

// download is one call of Download.
type download struct {
	target  Target
	dst     Partial
	options DownloadOptions

	// verifier has seen what dst holds, always.
	verifier  Verifier
	head      []byte   // the beginning of the answer, for reports
	encodings []string // that the last whole answer names
}

// resume verifies what dst holds.
func (d *download) resume() error {
	d.verifier = d.target.verifier()
	if _, err := d.dst.Seek(0, io.SeekStart); err != nil {
		return d.local(err)
	}
	err := verify.CopyVerified(d.target.Path, io.Discard, d.dst, d.verifier)
	switch fault := new(verify.CopyError); {
	case errors.As(err, &fault):
		return d.local(fault.Err)
	case err == nil, d.verifier.Written() < d.target.Length && isShort(err):
		d.report()
		return nil
	}
	return d.empty()
}

// isShort says that more bytes may make it right.
func isShort(err error) bool {
	e := new(verify.LengthError)
	return errors.As(err, &e) && e.Got < e.Want
}

func (d *download) complete() bool {
	return d.verifier.Written() == d.target.Length && d.verifier.Verify() == nil
}

// local says that an error is not a mirror's.
func (d *download) local(err error) error {
	return &verify.CopyError{Path: d.target.Path, Writing: true, Err: err}
}

// empty begins again.
func (d *download) empty() error {
	d.verifier = d.target.verifier()
	if _, err := d.dst.Seek(0, io.SeekStart); err != nil {
		return d.local(err)
	}
	if err := d.dst.Truncate(0); err != nil {
		return d.local(err)
	}
	d.report()
	return nil
}

func (d *download) report() {
	if d.options.Progress != nil {
		d.options.Progress(Progress{Path: d.target.Path, Done: d.verifier.Written(), Total: d.target.Length})
	}
}

// Write accepts the next bytes, if the verifier does.
func (d *download) Write(p []byte) (int, error) {
	if n := 512 - len(d.head); n > 0 {
		d.head = append(d.head, p[:min(n, len(p))]...)
	}
	if _, err := d.verifier.Write(p); err != nil {
		return 0, err
	}
	n, err := d.dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, d.local(err)
	}
	d.report()
	return n, nil
}

// from downloads from one mirror. Its error is an *HTTPError, says that the
// bytes are wrong, or is a *verify.CopyError.
func (d *download) from(ctx context.Context, m *httpMirror) (err error) {
	ctx, cancel := within(ctx, "DownloadTimeout", m.of.config.DownloadTimeout)
	defer cancel()
	for _, path := range d.target.urlPaths {
		if err = d.fromPath(ctx, m, path); !errors.Is(err, verify.ErrNotAtSource) {
			break // otherwise there may be a name with another digest
		}
	}
	switch {
	case isWrong(err):
		m.health.sentWrong()
		if looksLikeHTML(d.head) {
			err = &WebPageError{err}
		}
	default:
		m.health.note(err)
	}
	return err
}

// fromPath reads the bytes as they are sent. Only if they are wrong and packed,
// it asks again and unpacks.
func (d *download) fromPath(ctx context.Context, m *httpMirror, path string) error {
	d.encodings = nil
	err := d.retry(ctx, m, path, 0)
	for n := 1; n <= len(d.encodings) && isWrong(err); n++ {
		wrong := err
		if encoding := d.encodings[len(d.encodings)-n]; unpacker(encoding) == nil {
			return fmt.Errorf("%w (%w)", wrong, &EncodingError{Encoding: encoding})
		}
		if err = d.retry(ctx, m, path, n); errors.As(err, new(*EncodingError)) {
			return fmt.Errorf("%w (%w)", wrong, err)
		}
	}
	return err
}

// retry asks for a file, unpacked so many times, until another try is of no
// use.
func (d *download) retry(ctx context.Context, m *httpMirror, path string, layers int) error {
	mixed := false
	return m.retry(ctx, m.url(path), func() (bool, error) {
		before := d.verifier.Written()
		err := d.attempt(ctx, m, path, layers)
		if errors.Is(err, errMixed) && !mixed { // the saved part may be another mirror's fault
			mixed = true
			err = d.attempt(ctx, m, path, layers)
		}
		return d.verifier.Written()-before >= worthATry, err
	})
}

// attempt sends one request, for the missing part if the answer is not to be
// unpacked.
func (d *download) attempt(ctx context.Context, m *httpMirror, path string, layers int) error {
	from := d.verifier.Written()
	if layers > 0 {
		from = 0
	}
	res, err := m.get(ctx, m.url(path), from)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	d.head = nil
	switch {
	case res.StatusCode == http.StatusPartialContent && from > 0 && goesOn(res, from, d.target.Length):
		if _, err := d.dst.Seek(from, io.SeekStart); err != nil {
			return d.local(err)
		}
	case from > 0 && (res.StatusCode == http.StatusPartialContent ||
		res.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		// The mirror's file has another length, or it sends another part.
		return d.failed(errMixed)
	case res.StatusCode == http.StatusOK:
		from = 0
		d.encodings = encodingsOf(res.Header)
		if n := res.ContentLength; n >= 0 && n != d.target.Length && layers == 0 && len(d.encodings) > 0 {
			return &verify.LengthError{File: d.target.Path, Want: d.target.Length, Got: n} // no need to read it
		}
		if err := d.empty(); err != nil {
			return err
		}
	default:
		return m.statusError(res)
	}
	body := io.Reader(res.Body)
	for i := range min(layers, len(d.encodings)) {
		if body, err = unpack(d.encodings[len(d.encodings)-1-i], body); err != nil {
			return err
		}
	}
	_, err = io.Copy(d, body)
	return d.judge(res, from, err)
}

// judge returns the outcome when a body has ended.
func (d *download) judge(res *http.Response, from int64, err error) error {
	wrong := d.verifier.Verify()
	switch {
	case errors.As(err, new(*verify.CopyError)):
		return err
	case wrong == nil: // even if the body broke off then
		return nil
	case errors.As(err, new(*brokenError)):
		return err // what is there may be right
	case err != nil && !isWrong(err):
		return errors.Join(&EncodingError{Encoding: res.Header.Get("Content-Encoding"), Err: err}, d.empty())
	case isShort(wrong) && (from > 0 || anyEndIsGood(res)):
		return &brokenError{d.verifier.Written(), d.target.Length, io.ErrUnexpectedEOF}
	case from > 0:
		wrong = errMixed
	case err != nil:
		wrong = err
	}
	return d.failed(wrong)
}

// failed begins again after an error.
func (d *download) failed(err error) error {
	if local := d.empty(); local != nil {
		return local
	}
	return err
}

// goesOn says whether a partial answer is the part that was asked for.
func goesOn(res *http.Response, from, length int64) bool {
	var first, last, total int64
	n, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
	return err == nil && n == 3 && first == from && last < length && total == length
}
