package clienttest

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Server serves the files of a repository, well or badly. It is safe for many
// goroutines.
type Server struct {
	mu    sync.Mutex
	files map[string][]byte // by path in a URL, percent-encoded
	rules []*rule
	log   []Request
	count map[string]int
}

type rule struct {
	pattern string
	faults  []Fault
	always  bool
}

// Request is an entry of the log.
type Request struct {
	// Host is the host that was asked for, with a port if there is one.
	Host string
	// Path is percent-encoded, as it was sent; Query has no question mark.
	Path, Query string
	// N counts the requests for this path, from 1.
	N int
	// Header has what was sent.
	Header http.Header
}

// NewServer returns a server for the state of a repository that is published
// now. A nil repository has no files.
func NewServer(repo *verifytest.Repo) *Server {
	s := &Server{files: map[string][]byte{}, count: map[string]int{}}
	if repo != nil {
		s.Publish(repo)
	}
	return s
}

// Publish has the server serve copies of what the repository serves now, and
// none of the files it had: a server that is not told of a new state is a
// frozen mirror. Files of Put are gone.
func (s *Server) Publish(repo *verifytest.Repo) {
	files := map[string][]byte{}
	for name, data := range repo.Metadata().Clone() {
		files["/metadata/"+name] = data
	}
	for name, data := range repo.TargetFiles().Clone() {
		files["/targets/"+name] = data
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = files
}

// Put adds a file, or replaces one. The path is absolute and percent-encoded.
func (s *Server) Put(path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = bytes.Clone(data)
}

// Remove removes a file.
func (s *Server) Remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, path)
}

// On has the next requests for a path answered with faults, one each: the first
// request with the first of them. After that, or where a fault is nil, the
// answer is honest. A path may be a pattern as in path.Match. Of several
// patterns that match, the first one that has a fault left counts.
func (s *Server) On(pattern string, faults ...Fault) { s.addRule(&rule{pattern, faults, false}) }

// Always has all requests for a path answered with a fault.
func (s *Server) Always(pattern string, fault Fault) { s.addRule(&rule{pattern, []Fault{fault}, true}) }

func (s *Server) addRule(r *rule) {
	if _, err := path.Match(r.pattern, ""); err != nil {
		panic("clienttest: " + r.pattern + ": " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Log returns the requests so far, in the order in which they came. It is the
// caller's.
func (s *Server) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.log...)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, found, fault := s.note(r)
	var handler http.Handler = honest(file, found)
	if fault != nil {
		handler = fault(handler)
	}
	handler.ServeHTTP(w, r)
}

// note enters a request into the log, and chooses the answer.
func (s *Server) note(r *http.Request) (file []byte, found bool, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := r.URL.EscapedPath()
	s.count[p]++
	s.log = append(s.log, Request{r.Host, p, r.URL.RawQuery, s.count[p], r.Header.Clone()})
	for _, rule := range s.rules {
		if ok, _ := path.Match(rule.pattern, p); !ok || len(rule.faults) == 0 {
			continue
		}
		fault = rule.faults[0]
		if !rule.always {
			rule.faults = rule.faults[1:]
		}
		break
	}
	file, found = s.files[p]
	return file, found, fault
}

// honest answers well, and knows ranges.
func honest(file []byte, found bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !found {
			http.NotFound(w, r)
			return
		}
		kind := "application/octet-stream"
		if strings.HasSuffix(r.URL.Path, ".json") {
			kind = "application/json"
		}
		w.Header().Set("Content-Type", kind)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
	}
}
