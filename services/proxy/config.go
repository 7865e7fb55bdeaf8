package main

import (
	"cmp"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/services/proxy/internal/gate"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// protocols are those that a route may name.
var protocols = map[string]protocol.Protocol{
	"plain": protocol.Plain{},
	"pypi":  protocol.PyPI{},
	"npm":   protocol.NPM{},
	"apt":   protocol.Apt{},
	"go":    protocol.Go{},
}

// settings are what a configuration file says.
type settings struct {
	Listen, Admin string
	Bucket        string
	Cache         int64 // bytes of verified files
	Certificate   *gate.Certificate
	LogFormat     string
	LogLevel      slog.Level
	Gate          gate.Config // without Files, stores and Log
}

// loadSettings reads a configuration file strictly. Names of files in it are
// relative to it. The error has a *ConfigError for each thing that is wrong.
func loadSettings(file string) (*settings, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &reader{document: document{file: file}, folder: filepath.Dir(file), repositories: map[string]client.Config{}}
	s := r.settings(r.parse(data))
	return s, r.err()
}

// reader reads settings.
type reader struct {
	document
	folder       string
	repositories map[string]client.Config
	s            settings
}

func (r *reader) settings(top node) *settings {
	if !top.is() {
		return nil
	}
	f := top.fields("listen", "admin", "bucket", "refresh", "limits", "stream", "repositories", "unverified",
		"routes", "tls", "log")
	r.s.Listen, r.s.Admin = r.address(f["listen"], true), r.address(f["admin"], false)
	if r.s.Listen != "" && r.s.Listen == r.s.Admin {
		f["admin"].fail("must not be the same as listen")
	}
	r.s.Bucket = r.bucket(f["bucket"])
	r.s.Gate.Refresh = f["refresh"].duration(time.Second)
	r.s.Gate.Stream = f["stream"].bool()
	r.limits(f["limits"])
	for _, e := range f["repositories"].entries() {
		r.repository(e)
	}
	r.unverified(f["unverified"])
	r.routes(f["routes"])
	r.tls(f["tls"])
	r.log(f["log"])
	return &r.s
}

func (r *reader) address(n node, needed bool) string {
	if !needed && !n.is() {
		return ""
	}
	address := n.needed()
	if address == "" {
		return ""
	}
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		n.fail("must be a host and a port, such as 127.0.0.1:8375")
	}
	return address
}

func (r *reader) bucket(n node) string {
	bucket := n.needed()
	u, err := url.Parse(bucket)
	if bucket != "" && (err != nil || u.Scheme == "") {
		n.fail("must be a URL, such as file:///var/cache/tufwalk-proxy")
	}
	return bucket
}

// leastMemory is what the program needs at least.
const leastMemory = 16 << 20

func (r *reader) limits(n node) {
	f := n.fields("memory", "cache", "file", "clients")
	r.s.Gate.Limits = gate.Limits{Memory: f["memory"].size(leastMemory), File: f["file"].size(1),
		Clients: f["clients"].number()}
	r.s.Cache = cmp.Or(f["cache"].size(1), 10e9)
}

// path is that of a file next to the configuration.
func (r *reader) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.folder, name)
}

// read reads a file that is named.
func (r *reader) read(n node) []byte {
	name := n.needed()
	if name == "" {
		return nil
	}
	data, err := os.ReadFile(r.path(name))
	if err != nil {
		n.fail("%v", err)
	}
	return data
}

func (r *reader) repository(e entry) {
	f := e.value.fields("root", "metadata", "targets")
	before := len(r.errs)
	c := client.Config{
		TrustedRoot: r.read(f["root"]), Metadata: r.urls(f["metadata"], true), Targets: r.urls(f["targets"], true),
	}
	if r.repositories[e.name] = c; len(r.errs) > before {
		return
	}
	if opened, err := client.Open(c); err != nil { // no request is sent
		f["root"].fail("%v", err)
	} else {
		_ = opened.Close()
	}
}

func (r *reader) urls(n node, needed bool) []string {
	before := len(r.errs)
	list := n.texts()
	if needed && len(list) == 0 && len(r.errs) == before {
		n.fail("is missing")
	}
	for _, text := range list {
		checkURL(n, text)
	}
	return list
}

func checkURL(n node, text string) {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		n.fail("%q is no URL with http or https, and a host", redacted(u, text))
	}
}

// redacted is a URL without its password.
func redacted(u *url.URL, text string) string {
	if u == nil {
		return text
	}
	return u.Redacted()
}

func (r *reader) unverified(n node) {
	r.s.Gate.Unverified = map[string]gate.Unverified{}
	for _, e := range n.entries() {
		f := e.value.fields("url", "patterns")
		u := gate.Unverified{URL: f["url"].needed(), Patterns: f["patterns"].texts()}
		checkURL(f["url"], u.URL)
		if u.URL != "" && !strings.HasSuffix(u.URL, "/") {
			f["url"].fail("must end with a slash")
		}
		if len(u.Patterns) == 0 {
			f["patterns"].fail("is missing: nothing is answered without verification that is not named")
		}
		r.s.Gate.Unverified[e.name] = u
	}
}

func (r *reader) routes(n node) {
	r.s.Gate.Routes, r.s.Gate.Upstreams = map[string]gate.Route{}, map[string]gate.Upstream{}
	list := n.entries()
	if len(list) == 0 {
		n.fail("is missing: there is nothing to answer")
	}
	for _, e := range list {
		if !strings.HasPrefix(e.name, "/") || !strings.HasSuffix(e.name, "/") || strings.Contains(e.name, "//") ||
			(&url.URL{Path: e.name}).EscapedPath() != e.name {
			e.value.fail("must begin and end with a slash, and need no percent-encoding")
		}
		for other := range r.s.Gate.Routes {
			if strings.HasPrefix(e.name, other) || strings.HasPrefix(other, e.name) {
				e.value.fail("overlaps the route %s", other)
			}
		}
		r.s.Gate.Routes[e.name] = r.route(e.value)
	}
}

func (r *reader) route(n node) gate.Route {
	f := n.fields("protocol", "repository", "map", "prefix", "unverified", "index", "files")
	route := gate.Route{Name: f["protocol"].needed(), Prefix: f["prefix"].text(), Unverified: f["unverified"].texts()}
	if route.Protocol = protocols[route.Name]; route.Protocol == nil && route.Name != "" {
		f["protocol"].fail("%q is unknown (there are %s)", route.Name,
			strings.Join(slices.Sorted(maps.Keys(protocols)), ", "))
	}
	if index, files := f["index"].text(), f["files"].text(); index != "" || files != "" {
		if route.Name != "pypi" {
			n.fail("index and files are for the protocol pypi")
		}
		route.Protocol = protocol.PyPI{Index: index, Files: files}
	}
	switch {
	case f["repository"].is() == f["map"].is():
		n.fail("must have either repository or map")
	case f["map"].is():
		route.Upstream = r.mapped(f["map"])
	default:
		route.Upstream = r.single(f["repository"])
	}
	r.patterns(f["map"], route)
	for _, name := range route.Unverified {
		if _, ok := r.s.Gate.Unverified[name]; !ok && name != "" {
			f["unverified"].fail("there is no %q under unverified", name)
		}
	}
	if len(route.Unverified) > 0 && f["repository"].is() {
		f["unverified"].fail("a single repository decides about every name, so that nothing is left: a map says which " +
			"names are its own")
	}
	return route
}

// patterns checks those of a map against what a route can ask for.
func (r *reader) patterns(n node, route gate.Route) {
	m := r.s.Gate.Upstreams[route.Upstream].Client.Map
	if m == nil {
		return
	}
	for _, e := range m.Entries() {
		for _, pattern := range e.Paths {
			below, ok := strings.CutPrefix(pattern, route.Prefix)
			if err := protocol.CheckPattern(route.Protocol, below); ok && err != nil {
				n.fail("%q: %v", pattern, err)
			}
		}
	}
}

// single adds a client of one repository.
func (r *reader) single(n node) string {
	name := n.needed()
	c, ok := r.repositories[name]
	if !ok && name != "" {
		n.fail("there is no %q under repositories", name)
	}
	r.s.Gate.Upstreams[name] = gate.Upstream{Client: c}
	return name
}

// mapped adds a client of a map.
func (r *reader) mapped(n node) string {
	name := n.text()
	if _, ok := r.s.Gate.Upstreams[name]; ok {
		return name
	}
	if _, ok := r.repositories[name]; ok {
		n.fail("a repository has the same name")
	}
	before := len(r.errs)
	data := r.read(n)
	if len(r.errs) > before {
		return name
	}
	m, err := metadata.ParseMap(data)
	if err != nil {
		n.fail("%v", err)
		return name
	}
	c := client.Config{Map: m, Repositories: map[string]client.Repository{}}
	for needed := range m.Repositories() {
		one, ok := r.repositories[needed]
		if !ok {
			n.fail("the map needs %q, which is not under repositories", needed)
		}
		c.Repositories[needed] = client.Repository{TrustedRoot: one.TrustedRoot, Metadata: one.Metadata, Targets: one.Targets}
	}
	r.s.Gate.Upstreams[name] = gate.Upstream{Client: c}
	if len(r.errs) > 0 {
		return name
	}
	if opened, err := client.Open(c); err != nil { // no request is sent
		n.fail("%v", err)
	} else {
		_ = opened.Close()
	}
	return name
}

func (r *reader) tls(n node) {
	if !n.is() {
		return
	}
	f := n.fields("certificate", "key")
	before := len(r.errs)
	certificate, key := r.path(f["certificate"].needed()), r.path(f["key"].needed())
	if len(r.errs) > before {
		return
	}
	var err error
	if r.s.Certificate, err = gate.OpenCertificate(certificate, key); err != nil {
		n.fail("%v", err)
	}
}

func (r *reader) log(n node) {
	f := n.fields("format", "level")
	r.s.LogFormat = f["format"].oneOf("text", "json")
	_ = r.s.LogLevel.UnmarshalText([]byte(f["level"].oneOf("info", "debug", "warn", "error")))
}
