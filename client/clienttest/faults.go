package clienttest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"
)

// Fault is a way to answer a request badly. It is given what answers it well,
// so that faults can be put around each other (All), and a test can have its
// own. It waits no longer than the request's context.
type Fault func(honest http.Handler) http.Handler

// All puts faults around each other: the last one is nearest to the honest
// answer.
func All(faults ...Fault) Fault {
	return func(h http.Handler) http.Handler {
		for _, f := range slices.Backward(faults) {
			h = f(h)
		}
		return h
	}
}

// Cut sends n bytes of the body, and closes the connection.
func Cut(n int) Fault {
	return body(n, func(*http.Request) { panic(http.ErrAbortHandler) })
}

// Stall sends n bytes of the body, and then nothing for as long as the client
// waits.
func Stall(n int) Fault { return body(n, forever) }

// Silence sends nothing at all for as long as the client waits.
func Silence() Fault {
	return fault(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { forever(r) })
}

func forever(r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Delay waits, and then answers well.
func Delay(d time.Duration) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		wait(r, d)
		honest.ServeHTTP(w, r)
	})
}

// Drip sends n bytes of the body at a time, with pauses between them.
func Drip(n int, pause time.Duration) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		honest.ServeHTTP(&writer{ResponseWriter: w, chunk: n, after: func() { wait(r, pause) }, left: -1}, r)
	})
}

func wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// Status answers with a status and a short text.
func Status(status int) Fault {
	return fault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, http.StatusText(status), status)
	})
}

// RetryAfter answers with a status and a Retry-After: seconds or a date.
func RetryAfter(status int, after string) Fault {
	return All(Header("Retry-After", after), Status(status))
}

// Header adds a header to the answer.
func Header(name, value string) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		w.Header().Set(name, value)
		honest.ServeHTTP(w, r)
	})
}

// Redirect sends the client to another URL, which may be relative.
func Redirect(status int, to string) Fault { return All(Header("Location", to), Status(status)) }

// WebPage answers with a web page and status 200: a soft error.
func WebPage() Fault {
	return Send("text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html><body>Please log in.</body></html>\n"))
}

// Send answers with a body and status 200, whatever was asked for: a forged
// file, or one of an earlier state.
func Send(contentType string, data []byte) Fault {
	return fault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
	})
}

// Change answers well, with a body that is changed first. It ignores ranges.
func Change(change func(body []byte) []byte) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		whole := r.Clone(r.Context())
		whole.Header.Del("Range")
		answer := record(honest, whole)
		data := answer.Body.Bytes()
		if answer.Code == http.StatusOK {
			data = change(data)
		}
		answer.Header().Del("Accept-Ranges")
		send(w, answer, data, len(data))
	})
}

// Wrong answers with a body of the right length whose last byte is wrong.
func Wrong() Fault {
	return Change(func(body []byte) []byte {
		if len(body) > 0 {
			body[len(body)-1] ^= 0x20
		}
		return body
	})
}

// NoRanges sends the whole file, whatever part was asked for.
func NoRanges() Fault { return Change(func(body []byte) []byte { return body }) }

// Packed packs the body with gzip, though nobody asked for it, and says so.
func Packed() Fault { return All(Header("Content-Encoding", "gzip"), Change(Gzip)) }

// Labelled says that the body has a content encoding, and sends it as it is.
func Labelled(encoding string) Fault { return All(Header("Content-Encoding", encoding), NoRanges()) }

// Gzip packs data.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data) // a buffer never fails
	_ = w.Close()
	return b.Bytes()
}

// Length announces a body that is so many bytes longer than what is sent. With
// a number below zero, only so much of the body is sent as is announced.
func Length(more int) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		answer := record(honest, r)
		data := answer.Body.Bytes()
		length := max(0, len(data)+more)
		send(w, answer, data[:min(length, len(data))], length)
	})
}

// Unframed sends n bytes of the body, without a length, and closes the
// connection as if that were all: HTTP cannot tell where such a body ends.
func Unframed(n int) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		answer := record(honest, r)
		data := answer.Body.Bytes()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic("clienttest: Unframed needs HTTP/1.1: " + err.Error())
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nConnection: close\r\n\r\n", answer.Code, http.StatusText(answer.Code))
		_, _ = conn.Write(data[:min(n, len(data))])
	})
}

// fault makes a Fault of a function, which is given what answers well.
func fault(answer func(w http.ResponseWriter, r *http.Request, honest http.Handler)) Fault {
	return func(honest http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, honest) })
	}
}

// record returns the answer that a handler gives.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

// send sends an answer with another body, and announces a length.
func send(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte, length int) {
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// body sends n bytes of the body, and then does something.
func body(n int, then func(*http.Request)) Fault {
	return fault(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		out := &writer{ResponseWriter: w, left: n, end: func() { then(r) }}
		honest.ServeHTTP(out, r)
		out.flush() // the body was shorter
		then(r)
	})
}

// writer writes in pieces, and only so much.
type writer struct {
	http.ResponseWriter
	chunk int    // 0: any
	after func() // after each piece
	left  int    // -1: any
	end   func()
}

func (w *writer) Write(p []byte) (written int, err error) {
	for written < len(p) {
		piece := p[written:]
		if w.chunk > 0 {
			piece = piece[:min(w.chunk, len(piece))]
		}
		if w.left >= 0 {
			piece = piece[:min(w.left, len(piece))]
		}
		n, err := w.ResponseWriter.Write(piece)
		written += n
		w.flush()
		if err != nil {
			return written, err
		}
		if w.after != nil {
			w.after()
		}
		if w.left >= 0 {
			if w.left -= n; w.left == 0 {
				w.end()
			}
		}
	}
	return written, nil
}

func (w *writer) flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }
