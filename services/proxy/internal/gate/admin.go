package gate

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tufwalk/tufwalk/client"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"until": func(t, now time.Time) string { return t.Sub(now).Round(time.Second).String() },
	"soon":  func(t, now time.Time) bool { return t.Sub(now) < client.DefaultWarnAhead },
	"size":  size,
	"utc":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).Parse(pageHTML))

// pageData is what the page is made from.
type pageData struct {
	Status
	Trail  *Trail
	Error  string
	Asked  string // the route that was asked for a trail
	Switch *Switch
	Mode   string
}

// Switch is for a demonstration: buttons on the status page.
type Switch struct {
	Names []string
	Mode  func() string
	Set   func(string)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// Admin answers the operator: the status page, /status.json, /trail, /healthz,
// /readyz and /metrics.
func (g *Gate) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/status", http.StatusFound)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, g.Status()) })
	mux.HandleFunc("GET /trail", g.serveTrail)
	mux.HandleFunc("GET /status", g.servePage)
	if g.config.Switch != nil {
		// No other page may have a browser press the buttons.
		mux.Handle("POST /mode", http.NewCrossOriginProtection().Handler(http.HandlerFunc(g.switchMode)))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
		mux.ServeHTTP(w, r)
	})
}

// readyz says whether each upstream has a view that is good.
func (g *Gate) readyz(w http.ResponseWriter, _ *http.Request) {
	status := g.Status()
	for _, u := range status.Upstreams {
		if !u.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
			break
		}
	}
	for _, u := range status.Upstreams {
		fmt.Fprintf(w, "%s ready=%t expires=%s failed=%q\n", u.Name, u.Ready, stampTime(u.Expires), u.Failed)
	}
}

func (g *Gate) serveTrail(w http.ResponseWriter, r *http.Request) {
	trail, err := g.Trail(r.Context(), r.FormValue("route"), r.FormValue("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	sendJSON(w, trail)
}

func (g *Gate) servePage(w http.ResponseWriter, r *http.Request) {
	data := pageData{Status: g.Status(), Asked: r.FormValue("route"), Switch: g.config.Switch}
	if data.Switch != nil {
		data.Mode = data.Switch.Mode()
	}
	if path := r.FormValue("path"); path != "" {
		trail, err := g.Trail(r.Context(), r.FormValue("route"), path)
		if err != nil {
			data.Error = err.Error()
		} else {
			data.Trail = &trail
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, data); err != nil {
		g.log.Warn("status page", "error", err)
	}
}

func (g *Gate) switchMode(w http.ResponseWriter, r *http.Request) {
	if mode := r.PostFormValue("mode"); slices.Contains(g.config.Switch.Names, mode) {
		g.config.Switch.Set(mode)
	}
	http.Redirect(w, r, "/status", http.StatusSeeOther)
}

func sendJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v)
}
