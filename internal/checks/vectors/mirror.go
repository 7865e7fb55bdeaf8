package main

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// A mirror serves what a step says, over HTTP.
type mirror struct {
	files map[string][]byte // by sha256

	mu   sync.Mutex
	step step
}

func (m *mirror) serve(s step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.step = s
}

// ServeHTTP answers a request. A path is found however much of it the client
// percent-encodes, as long as it is one path.
func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	step := m.step
	m.mu.Unlock()
	path := decoded(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	for name, code := range step.Status {
		if decoded(name) == path {
			w.WriteHeader(code)
			return
		}
	}
	for _, name := range step.Endless {
		if decoded(name) == path {
			sendForever(w, m.files[step.Served[name]])
			return
		}
	}
	for name, sum := range step.Served {
		if decoded(name) == path {
			_, _ = w.Write(m.files[sum])
			return
		}
	}
	http.NotFound(w, r)
}

func decoded(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}

// sendForever sends a file, and spaces until the client has had enough.
func sendForever(w http.ResponseWriter, data []byte) {
	spaces := bytes.Repeat([]byte{' '}, 1<<16)
	_, err := w.Write(data)
	for err == nil {
		_, err = w.Write(spaces)
	}
}
