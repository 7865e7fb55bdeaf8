package client

import (
	"context"
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
)

// Source is a source of metadata with a name, such as one mirror of Mirrors. It
// is safe for many goroutines.
type Source interface {
	// Name is for people: a host and a base path, without secrets. It does not
	// change.
	Name() string
	// Fetch returns the file that a request asks for: at most MaxBytes+1 bytes,
	// as they were sent. An error wraps verify.ErrNotAtSource if the source
	// says that the file does not exist. Its text need not name the source or
	// the file: the caller does.
	Fetch(ctx context.Context, req verify.Request) ([]byte, error)
}

// BodySource is a Source that may have more than one reading of its answer, and
// that wants to know if all of them were rejected.
//
// A server may name a content encoding although it was asked for the plain
// bytes. The name may be right, or the file may be stored like that and be
// signed so. Only the verifier knows. So the bytes as sent are offered first
// and, only if they are rejected, what they unpack to:
//
//	body, err := source.FetchBody(ctx, req)
//	for err == nil {
//		rejected := session.Provide(req.ID, body.Data)
//		if rejected == nil {
//			return nil
//		}
//		unpacked, more := body.Unpack()
//		if !more {
//			err = body.Rejected(rejected)
//			break
//		}
//		body = unpacked
//	}
type BodySource interface {
	Source
	// FetchBody is Fetch. The body is the caller's.
	FetchBody(ctx context.Context, req verify.Request) (*Body, error)
}

// Body is an answer to a request for metadata, in one of its readings.
type Body struct {
	// Data are the bytes, at most one more than the limit of the request. A
	// caller that only wants to call Rejected later may set it to nil.
	Data []byte

	sent      []byte   // all of it: what is packed may be a little longer
	encodings []string // that are named; the last one was applied last
	max       int64
	html      bool
	rejected  func()
	because   error // why it is not unpacked any further
}

// newBody returns a body as it was sent.
func newBody(sent []byte, encodings []string, limit int64) *Body {
	return &Body{Data: cut(sent, limit), sent: sent, encodings: encodings, max: limit, html: looksLikeHTML(sent)}
}

func cut(data []byte, limit int64) []byte {
	if int64(len(data)) > limit {
		return data[:limit+1]
	}
	return data
}

// Unpack returns the next reading, without the encoding that was applied last.
// It reports false if no encoding is named, or if the bytes are not in it.
func (b *Body) Unpack() (*Body, bool) {
	if len(b.encodings) == 0 {
		return nil, false
	}
	last := len(b.encodings) - 1
	data, err := unpackBytes(b.encodings[last], b.sent, b.max)
	if err != nil {
		b.because = err
		return nil, false
	}
	unpacked := newBody(data, b.encodings[:last], b.max)
	unpacked.rejected = b.rejected
	return unpacked, true
}

// Rejected tells the source that all readings were rejected: it will be asked
// after others for a while. It returns the rejection, with what is known about
// the body: that it is a web page (WebPageError), say. It may be called later,
// as for the bodies of Batch.Rejected.
func (b *Body) Rejected(rejection error) error {
	if b.rejected != nil {
		b.rejected()
	}
	switch {
	case b.html:
		return &WebPageError{rejection}
	case b.because != nil:
		return fmt.Errorf("%w (%w)", rejection, b.because)
	}
	return rejection
}

// fetchBody asks any source.
func fetchBody(ctx context.Context, s Source, req verify.Request) (*Body, error) {
	if s, ok := s.(BodySource); ok {
		return s.FetchBody(ctx, req)
	}
	data, err := s.Fetch(ctx, req)
	if err != nil {
		return nil, err
	}
	return newBody(data, nil, req.MaxBytes), nil
}
