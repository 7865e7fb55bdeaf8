package gate

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tufwalk/tufwalk/client"
)

// Gate answers requests with verified files. It is an http.Handler, safe for
// many goroutines.
type Gate struct {
	config     Config
	log        *slog.Logger
	metrics    *metrics
	history    *history
	upstreams  map[string]*upstream
	unverified map[string]*unverified
	routes     []*route
	nowhere    *routeMetrics       // of requests for no route
	rendering  *semaphore.Weighted // bytes that are in memory to be rendered
	others     *semaphore.Weighted // the same, of upstreams without TUF
	begun      time.Time
	wanting    wanting

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	working sync.WaitGroup
}

// route is a Route at work.
type route struct {
	Route
	prefix     string
	metrics    *routeMetrics
	upstream   *upstream
	unverified []*unverified
}

// Open opens the clients, and begins to bring them up to date. It sets the
// memory limit of the process.
func Open(config Config) (*Gate, error) {
	g := &Gate{
		config: config.withDefaults(), upstreams: map[string]*upstream{}, unverified: map[string]*unverified{},
		history: newHistory(), begun: time.Now(),
	}
	g.log = g.config.Log
	g.rendering = semaphore.NewWeighted(max(g.config.Limits.Memory/4, MaxRendered))
	g.others = semaphore.NewWeighted(MaxRendered)
	g.metrics = newMetrics(g)
	g.nowhere = g.metrics.of("", "")
	g.ctx, g.cancel = context.WithCancel(context.Background())
	debug.SetMemoryLimit(g.config.Limits.Memory)
	room := g.config.Limits.Memory / memoryShare / int64(max(len(config.Upstreams), 1))
	for name, c := range config.Upstreams {
		u, err := g.openUpstream(name, c, room)
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.upstreams[name] = u
	}
	for name, c := range config.Unverified {
		g.unverified[name] = newUnverified(name, c)
	}
	for _, prefix := range slices.Sorted(maps.Keys(config.Routes)) {
		g.routes = append(g.routes, g.route(prefix, config.Routes[prefix]))
	}
	for _, u := range g.upstreams {
		g.working.Go(func() { u.run(g.ctx) })
	}
	return g, nil
}

// memoryShare is by how much the memory that metadata uses is larger than its
// bytes, with room for the rest: a view retains so much of Limits.Memory, and
// as much again may come before it is renewed.
const memoryShare = 16

func (g *Gate) route(prefix string, c Route) *route {
	r := &route{Route: c, prefix: prefix, metrics: g.metrics.of(prefix, c.Name), upstream: g.upstreams[c.Upstream]}
	for _, name := range c.Unverified {
		r.unverified = append(r.unverified, g.unverified[name])
	}
	return r
}

// Close ends the clients. Requests must have ended before.
func (g *Gate) Close() error {
	g.cancel()
	g.working.Wait()
	var errs []error
	for _, u := range g.upstreams {
		errs = append(errs, u.close())
	}
	return errors.Join(errs...)
}

// routeOf returns the route of a path; nil if there is none. Routes do not
// overlap.
func (g *Gate) routeOf(path string) *route {
	for _, r := range g.routes {
		if strings.HasPrefix(path, r.prefix) {
			return r
		}
	}
	return nil
}

// observe is told what a client does.
func (u *upstream) observe(e client.Event) {
	g := u.gate
	switch e := e.(type) {
	case client.Answer:
		u.observeAnswer(e)
	case client.Rejected:
		g.metrics.blame.WithLabelValues(u.name, e.Source, "wrong bytes").Inc()
		g.history.blame(u.name, e.Source, e.Err)
		g.log.Warn("a mirror sent a bad file", "upstream", u.name, "mirror", e.Source, "role", e.Role, "error", e.Err)
	case client.Searched:
		u.observeSearch(e)
	case client.ViewChanged:
		u.fail(nil)
		u.came.Store(0)
		g.metrics.refresh.WithLabelValues(u.name, "succeeded").Inc()
		g.log.Info("up to date", "upstream", u.name, "expires", e.New.Expires)
	case client.Warning:
		u.observeWarning(e.Err)
	case client.ExpiryAhead:
		g.log.Warn("the view expires", "upstream", u.name, "expires", e.Expires, "left", e.Left, "error", e.Err)
	}
}

// observeSearch notes the trail of a search, if somebody wants it.
func (u *upstream) observeSearch(e client.Event) {
	if s, ok := e.(client.Searched); ok {
		u.trails.Lock()
		defer u.trails.Unlock()
		if t := u.wanted[s.Path]; t != nil {
			t.Searched = s
		}
	}
}

func (u *upstream) observeAnswer(e client.Answer) {
	g := u.gate
	result := "answered"
	switch {
	case e.Err == nil:
		if !isTopLevel(e.Role) {
			u.count(e.Bytes)
		}
	case isAbsent(e.Err):
		result = "absent"
	case errors.Is(e.Err, context.Canceled):
		result = "cancelled"
	default:
		result = "failed"
		g.metrics.blame.WithLabelValues(u.name, e.Source, "unreachable").Inc()
		g.history.blame(u.name, e.Source, e.Err)
	}
	g.metrics.metadata.WithLabelValues(u.name, e.Source, result).Inc()
}

func (u *upstream) observeWarning(err error) {
	g := u.gate
	g.log.Warn("update", "upstream", u.name, "error", err)
	if isFailure(err) {
		u.fail(err)
		g.metrics.refresh.WithLabelValues(u.name, "failed").Inc()
	}
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	out := newWriter(w)
	q := &request{gate: g, w: out, r: r}
	defer func() {
		m := g.nowhere
		if q.route != nil {
			m = q.route.metrics
		}
		m.note(q, time.Since(begun))
	}()
	q.serve()
}
