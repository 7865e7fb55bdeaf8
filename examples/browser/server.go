package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed page
var page embed.FS

// world is the configuration of the page.
type world struct {
	Intro       string    `json:"-"`
	Store       string    `json:"store"`       // name of the browser's store, one for each repository
	TrustedRoot []byte    `json:"trustedRoot"` // base64
	Targets     []string  `json:"targets"`
	Mirrors     []*choice `json:"mirrors"`
}

// choice is a mirror that the user may choose. Its files are below
// mirrors/NAME/metadata and mirrors/NAME/targets.
type choice struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Says  string `json:"says"`

	metadata, targets http.Handler
}

const contentPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// newHandler serves the page, the program in it, and the mirrors.
//
// The user trusts the page, the program and the trusted root, like an installed
// program. The mirrors have the same origin only because a browser would not
// read from elsewhere. Nothing from them is trusted.
func newHandler(w *world, p *program) (http.Handler, error) {
	sum := sha256.Sum256(w.TrustedRoot)
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
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !ours(r) {
			http.Error(rw, "this server answers only its own page", http.StatusForbidden)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/mirrors/") {
			mirrors.ServeHTTP(rw, r) // the mux would clean the path
			return
		}
		mux.ServeHTTP(rw, r)
	}), nil
}

// ours reports whether a request is from the page itself. A foreign page whose
// name resolves to this server (DNS rebinding) has another name in Host. The
// requests of any other foreign page are marked in Sec-Fetch-Site.
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

// plainPath reports whether a path stays below a base URL, even if a server
// decodes it.
func plainPath(escaped string) bool {
	decoded, err := url.PathUnescape(escaped)
	if err != nil || strings.Contains(decoded, `\`) {
		return false
	}
	segments := strings.Split(decoded, "/")
	return !slices.Contains(segments, ".") && !slices.Contains(segments, "..")
}

// mirrors passes a request to the mirror that its path names.
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

// static serves bytes, compressed if the client accepts that. It shrinks the
// program to a quarter.
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

// proxy passes on the files of a real repository. It need not be trusted: the
// page notices any change of the files. It passes on a whole file or an error,
// and nothing else that the repository's server may say.
func proxy(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		if !plainPath(path) {
			http.NotFound(w, r)
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, strings.TrimRight(base, "/")+"/"+path, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		req.Header.Set("Accept-Encoding", "identity") // the bytes that were signed
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		encoding := res.Header.Get("Content-Encoding")
		switch {
		case res.StatusCode >= 400 && res.StatusCode <= 599:
			http.Error(w, http.StatusText(res.StatusCode), res.StatusCode)
			return
		case res.StatusCode != http.StatusOK || encoding != "" && encoding != "identity":
			text := fmt.Sprintf("the repository's server answers with status %d and encoding %q", res.StatusCode, encoding)
			http.Error(w, text, http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if _, err := io.Copy(w, res.Body); err != nil {
			panic(http.ErrAbortHandler) // the browser must see that the file is cut short
		}
	})
}
