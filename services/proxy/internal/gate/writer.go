package gate

import (
	"io"
	"net/http"
	"time"
)

const (
	// WriteTimeout is how long a client may take for WriteChunk bytes: about
	// 17 kB a second.
	WriteTimeout = 60 * time.Second
	// WriteChunk is in bytes.
	WriteChunk = 1 << 20
)

// writer gives a client time for each part of an answer, and notes what was
// sent.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

func newWriter(w http.ResponseWriter) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w)}
}

// extend gives the client time. Without a connection, as in tests, there is
// nothing to wait for.
func (w *writer) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(WriteTimeout)) }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (n int, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	for n < len(p) && err == nil {
		var more int
		more, err = w.ResponseWriter.Write(p[n:min(len(p), n+WriteChunk)])
		n += more
		if n < len(p) {
			w.extend()
		}
	}
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets the system copy from a file to the connection.
func (w *writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	left := int64(1<<63 - 1)
	limited, ok := src.(*io.LimitedReader)
	if ok {
		src, left = limited.R, limited.N
	}
	defer func() {
		w.bytes += n
		if ok {
			limited.N = left
		}
	}()
	for left > 0 {
		chunk := &io.LimitedReader{R: src, N: min(left, WriteChunk)}
		want := chunk.N
		more, err := io.Copy(w.ResponseWriter, chunk)
		n, left = n+more, left-more
		if err != nil || more < want {
			return n, err
		}
		w.extend()
	}
	return n, nil
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
