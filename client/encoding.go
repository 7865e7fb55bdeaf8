package client

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxEncodings bounds how often an answer is unpacked.
const maxEncodings = 2

// EncodingError says that an answer is in a content encoding, although the
// plain bytes were asked for, and that it could not be unpacked.
type EncodingError struct {
	Encoding string // as the server names it
	Err      error  // nil if the encoding is not known
}

func (e *EncodingError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("sent with Content-Encoding %q, which was not asked for and is not known", e.Encoding)
	}
	return fmt.Sprintf("sent with Content-Encoding %q, and not packed so: %v", e.Encoding, e.Err)
}

func (e *EncodingError) Unwrap() error { return e.Err }

// encodingsOf returns the content encodings that an answer names, in the order
// in which they were applied.
func encodingsOf(h http.Header) (list []string) {
	for name := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && name != "identity" {
			list = append(list, name)
		}
	}
	if len(list) > maxEncodings {
		return []string{strings.Join(list, ", ")} // not known
	}
	return list
}

// packedLimit is how long a file of at most limit bytes can be when it is
// packed: what cannot be compressed grows a little.
func packedLimit(limit int64) int64 { return limit + limit/1024 + 1024 }

// unpacker returns what unpacks an encoding; nil if it is not known.
func unpacker(encoding string) func(io.Reader) (io.Reader, error) {
	switch encoding {
	case "gzip", "x-gzip":
		return func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case "deflate":
		return func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	}
	return nil
}

// unpack reads what is packed in an encoding.
func unpack(encoding string, r io.Reader) (io.Reader, error) {
	open := unpacker(encoding)
	if open == nil {
		return nil, &EncodingError{Encoding: encoding}
	}
	unpacked, err := open(r)
	if err != nil {
		return nil, &EncodingError{encoding, err}
	}
	return unpacked, nil
}

// unpackBytes unpacks to at most one byte more than the limit.
func unpackBytes(encoding string, data []byte, limit int64) ([]byte, error) {
	r, err := unpack(encoding, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	unpacked, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, &EncodingError{encoding, err}
	}
	return unpacked, nil
}

// WebPageError says that a body which was rejected is a web page: a login page,
// say, or an error page that is sent with status 200.
type WebPageError struct{ Err error }

func (e *WebPageError) Error() string { return fmt.Sprintf("sent a web page (HTML): %v", e.Err) }
func (e *WebPageError) Unwrap() error { return e.Err }

// looksLikeHTML is for reports only.
func looksLikeHTML(body []byte) bool {
	start := bytes.ToLower(bytes.TrimLeft(body[:min(len(body), 512)], "\xef\xbb\xbf \t\r\n"))
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<script", "<!--"} {
		if bytes.HasPrefix(start, []byte(tag)) {
			return true
		}
	}
	return false
}
