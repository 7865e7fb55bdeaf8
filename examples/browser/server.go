package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
)

//go:embed page
var page embed.FS

// world is what the page is shown.
type world struct {
	Intro   string      `json:"-"`
	Store   string      `json:"store"`  // the name under which the browser remembers this repository, and no other
	Anchor  []byte      `json:"anchor"` // the root file that is trusted; base64
	Targets []string    `json:"targets"`
	Mirrors []*mirrorOf `json:"mirrors"`
}

// mirrorOf is a mirror as the page may choose it: its files are below
// mirrors/NAME/metadata and mirrors/NAME/targets.
type mirrorOf struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Says  string `json:"says"`

	metadata, targets http.Handler
}

// newHandler serves the page, the program in it, and the mirrors.
//
// The page, the program and the anchor are what the user trusts, as if they had
// been installed. The mirrors are of the same origin only because a browser
// would not read from elsewhere; nothing that comes from them is believed.
func newHandler(w *world, p *program) (http.Handler, error) {
	sum := sha256.Sum256(w.Anchor)
	w.Store = "tufwalk-" + hex.EncodeToString(sum[:8])
	config, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("GET /config.json", static("application/json", config))
	mux.Handle("GET /wasm_exec.js", static("text/javascript; charset=utf-8", p.wasmExec))
	mux.Handle("GET /bridge.wasm", static("application/wasm", p.wasm))
	mirrors := http.StripPrefix("/mirrors", w.mirrors())
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !ours(r) {
			http.Error(rw, "this page is for its own address only", http.StatusForbidden)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/mirrors/") {
			mirrors.ServeHTTP(rw, r) // not through the mux: it would clean paths, which are taken as they are
			return
		}
		mux.ServeHTTP(rw, r)
	}), nil
}

// ours says whether a request is from the page itself. A stranger's page whose
// name was made to lead here (DNS rebinding) has another name in Host; one that
// just links here says so in Sec-Fetch-Site.
func ours(r *http.Request) bool {
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		name = r.Host
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return false
	}
	return name == "localhost" || net.ParseIP(strings.Trim(name, "[]")) != nil
}

// plainPath says whether a path leads below a base URL, however the server
// there reads it.
func plainPath(escaped string) bool {
	decoded, err := url.PathUnescape(escaped)
	if err != nil || strings.Contains(decoded, `\`) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(decoded, "/"), func(segment string) bool { return segment == "." || segment == ".." })
}

// mirrors hands a request to the mirror that its path names.
func (w *world) mirrors() http.Handler {
	routes := make(map[string]http.Handler)
	for _, m := range w.Mirrors {
		routes[m.Name+"/metadata"], routes[m.Name+"/targets"] = m.metadata, m.targets
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		parts := strings.SplitN(r.URL.EscapedPath(), "/", 4) // "", name, kind, path
		if len(parts) == 4 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			prefix := "/" + parts[1] + "/" + parts[2]
			if h := routes[prefix[1:]]; h != nil {
				http.StripPrefix(prefix, h).ServeHTTP(rw, r)
				return
			}
		}
		http.NotFound(rw, r)
	})
}

// static serves bytes, compressed for those who can take them so: the program
// shrinks to a quarter.
func static(contentType string, data []byte) http.Handler {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(data) // a bytes.Buffer never fails
	_ = z.Close()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := data
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			body = packed.Bytes()
		}
		w.Header().Set("Vary", "Accept-Encoding")
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	})
}

// proxy passes a real repository on. Whatever it or anybody behind it does to
// the bytes, the page finds out: that is why it need not be trusted.
func proxy(client *http.Client, base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		if !plainPath(path) {
			http.NotFound(w, r)
			return
		}
		body, err := mirror.Get(r.Context(), client, base, path)
		if status := new(mirror.StatusError); errors.As(err, &status) {
			http.Error(w, err.Error(), status.Status)
			return
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer body.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		if _, err := io.Copy(w, body); err != nil {
			panic(http.ErrAbortHandler) // the browser must see that the file is cut short
		}
	})
}
