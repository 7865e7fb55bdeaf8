package gate

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// lastRefusals is how many refusals the status shows.
const lastRefusals = 50

// history is what the status page shows of the past.
type history struct {
	mu       sync.Mutex
	refusals []Refusal // the newest last
	mirrors  map[[2]string]*Mirror
	others   map[string]*Other
}

// Refusal is a request that was refused.
type Refusal struct {
	Time     time.Time `json:"time"`
	Route    string    `json:"route"`
	Path     string    `json:"path"`
	Status   int       `json:"status"`
	Kind     string    `json:"kind,omitempty"`
	Reason   string    `json:"reason"`
	Blame    []string  `json:"blame,omitempty"`
	Repeated int       `json:"repeated,omitempty"` // how often it came again
}

// Mirror is what a mirror did wrong.
type Mirror struct {
	Upstream string    `json:"upstream"`
	Mirror   string    `json:"mirror"`
	Wrong    int       `json:"wrong"`  // bad files
	Failed   int       `json:"failed"` // requests without an answer
	Last     time.Time `json:"last"`
	Error    string    `json:"error"` // the last one
}

// Other is an upstream without TUF.
type Other struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Patterns []string  `json:"patterns"`
	Answers  int       `json:"answers"`
	Last     time.Time `json:"last,omitzero"`
	Path     string    `json:"path,omitempty"` // the last one
}

func newHistory() *history {
	return &history{mirrors: map[[2]string]*Mirror{}, others: map[string]*Other{}}
}

// blame notes what a mirror did.
func (h *history) blame(upstream, mirror string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := [2]string{upstream, mirror}
	m := h.mirrors[key]
	if m == nil {
		m = &Mirror{Upstream: upstream, Mirror: mirror}
		h.mirrors[key] = m
	}
	if kind := verify.KindOf(err); kind == verify.KindUnreachable || kind == verify.KindUnknown {
		m.Failed++
	} else {
		m.Wrong++
	}
	m.Last, m.Error = time.Now(), cut(metadata.Printable(err.Error()), 1000)
}

func (h *history) refused(r Refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.refusals); n > 0 {
		if last := &h.refusals[n-1]; last.Path == r.Path && last.Route == r.Route && last.Reason == r.Reason {
			last.Time = r.Time
			last.Repeated++
			return
		}
	}
	if len(h.refusals) == lastRefusals {
		h.refusals = slices.Delete(h.refusals, 0, 1)
	}
	h.refusals = append(h.refusals, r)
}

func (h *history) unverified(name, path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.others[name]
	if o == nil {
		o = &Other{Name: name}
		h.others[name] = o
	}
	o.Answers++
	o.Last, o.Path = time.Now(), cut(path, 300)
}

func cut(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// noteRefusal logs a refusal, and remembers it for the status page.
func (g *Gate) noteRefusal(q *request, r *refusal) {
	level := slog.LevelWarn
	if r.noted.Swap(true) { // the same refusal, for another client
		level = slog.LevelDebug
	}
	g.log.Log(q.r.Context(), level, "refused", "route", q.route.prefix, "path", q.r.URL.Path, "status", r.status,
		"kind", r.kind.String(),
		"blame", r.blame, "reason", r.reason)
	kind := ""
	if r.kind != verify.KindUnknown {
		kind = r.kind.String()
	}
	g.history.refused(Refusal{
		Time: time.Now(), Route: q.route.prefix, Path: cut(q.r.URL.Path, 300), Status: r.status, Kind: kind,
		Reason: cut(r.reason, 2000), Blame: r.blame,
	})
}

// blame notes that a mirror of targets did not have the right file.
func (u *upstream) blame(m client.MirrorFailed) {
	g, kind := u.gate, kindOfSource(m.Err).String()
	g.metrics.blame.WithLabelValues(u.name, m.Err.Name, kind).Inc()
	g.history.blame(u.name, m.Err.Name, m.Err.Err)
	g.log.Warn("a mirror has no good file", "upstream", u.name, "mirror", m.Err.Name, "kind", kind, "path", m.Path,
		"error", m.Err.Err)
}

func isTopLevel(role string) bool {
	switch role {
	case metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot:
		return true
	}
	return false
}

func isAbsent(err error) bool { return errors.Is(err, verify.ErrNotAtSource) }

// isFailure says whether a warning is about an update that failed.
func isFailure(err error) bool {
	return !errors.Is(err, verify.ErrUnconfirmed) && !errors.Is(err, verify.ErrUncertain) &&
		!errors.Is(err, client.ErrSetAside)
}
