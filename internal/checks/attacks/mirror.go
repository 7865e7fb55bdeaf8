package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// mirror is a web server that serves what it is told to: the repository's
// files, the attacker's, or endless data.
type mirror struct {
	server *httptest.Server

	mu      sync.Mutex
	files   verifytest.Files
	replies map[string]http.HandlerFunc
	log     []*request
}

// request is what a client asked for, and how many bytes it was sent.
type request struct {
	path   string
	status int
	bytes  int64
}

// everything is the path of a reply to every request.
const everything = "*"

func newMirror() *mirror {
	m := &mirror{}
	m.server = httptest.NewServer(m)
	return m
}

// serve makes the mirror serve these files and nothing else. Their paths begin
// with metadata/ or targets/.
func (m *mirror) serve(files verifytest.Files) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files, m.replies, m.log = files.Clone(), map[string]http.HandlerFunc{}, nil
}

// reply makes the mirror answer requests for a path with a handler.
func (m *mirror) reply(path string, with http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replies[path] = with
}

// since returns the requests since the last call.
func (m *mirror) since() []*request {
	m.mu.Lock()
	defer m.mu.Unlock()
	var log []*request
	for _, r := range m.log { // copies: some are still being answered
		log = append(log, &request{r.path, r.status, r.bytes})
	}
	m.log = nil
	return log
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	m.mu.Lock()
	data, found := m.files[path]
	reply := m.replies[path]
	if reply == nil {
		reply = m.replies[everything]
	}
	entry := &request{path: path, status: http.StatusOK}
	m.log = append(m.log, entry)
	m.mu.Unlock()
	counted := &counter{w, m, entry}
	switch {
	case reply != nil:
		reply(counted, r)
	case found:
		_, _ = counted.Write(data)
	default:
		http.NotFound(counted, r)
	}
}

// repository returns what an honest mirror of the repository serves.
func repository(r *verifytest.Repo) verifytest.Files {
	files := verifytest.Files{}
	for name, data := range r.Metadata() {
		files["metadata/"+name] = data
	}
	for name, data := range r.TargetFiles() {
		files["targets/"+name] = data
	}
	return files.Clone()
}

// counter records what is sent.
type counter struct {
	http.ResponseWriter
	mirror *mirror
	entry  *request
}

func (c *counter) WriteHeader(status int) {
	c.mirror.mu.Lock()
	c.entry.status = status
	c.mirror.mu.Unlock()
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.mirror.mu.Lock()
	c.entry.bytes += int64(n)
	c.mirror.mu.Unlock()
	return n, err
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// close also ends the connections of clients that are still reading.
func (m *mirror) close() {
	m.server.CloseClientConnections()
	m.server.Close()
}
