package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Status is what the status page shows, and what /status.json is.
type Status struct {
	Now        time.Time        `json:"now"`
	Started    time.Time        `json:"started"`
	Routes     []RouteStatus    `json:"routes"`
	Upstreams  []UpstreamStatus `json:"upstreams"`
	Unverified []Other          `json:"unverified"` // upstreams without TUF
	Mirrors    []Mirror         `json:"mirrors"`    // those that did something wrong
	Refusals   []Refusal        `json:"refusals"`   // the newest first
	Cache      CacheStatus      `json:"cache"`
}

// RouteStatus is a route.
type RouteStatus struct {
	Prefix     string   `json:"prefix"`
	Protocol   string   `json:"protocol"`
	Upstream   string   `json:"upstream"`
	Unverified []string `json:"unverified,omitempty"`
}

// UpstreamStatus is a repository, or a map of several.
type UpstreamStatus struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"` // there is a view that has not expired
	// Failed says why the last update failed; empty if it did not.
	Failed       string             `json:"failed,omitempty"`
	FailedAt     time.Time          `json:"failed_at,omitzero"`
	Updated      time.Time          `json:"updated,omitzero"` // when the update of the view began
	Expires      time.Time          `json:"expires,omitzero"`
	Repositories []RepositoryStatus `json:"repositories"`
	Metadata     MetadataStatus     `json:"metadata"`
}

// RepositoryStatus has the versions of the top-level roles; 0 before they are
// known.
type RepositoryStatus struct {
	Name      string    `json:"name"`
	Root      int64     `json:"root"`
	Timestamp int64     `json:"timestamp"`
	Snapshot  int64     `json:"snapshot"`
	Targets   int64     `json:"targets"`
	Expires   time.Time `json:"expires,omitzero"`
}

// MetadataStatus says how much targets metadata has come since the last
// renewal, and at how much there is another one, in bytes.
type MetadataStatus struct {
	Came int64 `json:"came"`
	Most int64 `json:"most"`
}

// CacheStatus is about the verified files.
type CacheStatus struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Status returns the state of the gate.
func (g *Gate) Status() Status {
	s := Status{Now: g.config.Now(), Started: g.begun}
	for _, r := range g.routes {
		s.Routes = append(s.Routes, RouteStatus{r.prefix, r.Name, r.Upstream, r.Unverified()})
	}
	for _, u := range g.upstreams {
		s.Upstreams = append(s.Upstreams, u.status(s.Now))
	}
	slices.SortFunc(s.Upstreams, func(a, b UpstreamStatus) int { return cmp.Compare(a.Name, b.Name) })
	s.Cache.Files, s.Cache.Bytes = g.config.Files.Usage()
	g.history.fill(&s, g.unverified)
	return s
}

// Unverified returns the names of the upstreams without TUF.
func (r *route) Unverified() []string { return r.Route.Unverified }

func (u *upstream) status(now time.Time) UpstreamStatus {
	s := UpstreamStatus{Name: u.name, Ready: u.ready(now), Metadata: MetadataStatus{u.came.Load(), u.room}}
	u.state.Lock()
	if u.failed != nil {
		s.Failed, s.FailedAt = cut(metadata.Printable(u.failed.Error()), 2000), u.at
	}
	u.state.Unlock()
	view := u.client.Load().View()
	if view == nil {
		return s
	}
	s.Updated, s.Expires = view.Time, view.Expires
	for _, r := range view.Repositories {
		s.Repositories = append(s.Repositories, RepositoryStatus{
			cmp.Or(r.Repository, u.name), r.Root, r.Timestamp, r.Snapshot, r.Targets, r.Expires,
		})
	}
	return s
}

// ready says whether there is a view to answer from.
func (u *upstream) ready(now time.Time) bool {
	view := u.client.Load().View()
	if view == nil {
		view = u.saved.View()
	}
	return view != nil && !view.Expires.IsZero() && now.Before(view.Expires)
}

// fill adds what has happened.
func (h *history) fill(s *Status, others map[string]*unverified) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, o := range others {
		other := Other{Name: name}
		if seen := h.others[name]; seen != nil {
			other = *seen
		}
		other.URL, other.Patterns = o.shown(), o.Patterns
		s.Unverified = append(s.Unverified, other)
	}
	slices.SortFunc(s.Unverified, func(a, b Other) int { return cmp.Compare(a.Name, b.Name) })
	for _, m := range h.mirrors {
		s.Mirrors = append(s.Mirrors, *m)
	}
	slices.SortFunc(s.Mirrors, func(a, b Mirror) int {
		return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Mirror, b.Mirror))
	})
	s.Refusals = slices.Clone(h.refusals)
	slices.Reverse(s.Refusals)
}

// Trail is how a target path is decided: the trail of trust.
type Trail struct {
	Route  string `json:"route"`
	Path   string `json:"path"` // the target path
	Found  bool   `json:"found"`
	Reason string `json:"reason,omitempty"` // why it is not
	// Certain says that a "no such target" is.
	Certain bool      `json:"certain,omitempty"`
	Length  int64     `json:"length,omitempty"`
	Digests []Digest  `json:"digests,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Cached  bool      `json:"cached"`
	// Steps are the delegations that the search followed, in one repository.
	Steps []TrailStep `json:"steps,omitempty"`
	// Entries are those of the map that were asked.
	Entries []TrailEntry `json:"entries,omitempty"`
	// Unverified is the upstream without TUF that answers in their place.
	Unverified string `json:"unverified,omitempty"`
}

// Digest is a digest that is listed.
type Digest struct {
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

// TrailStep is one delegation.
type TrailStep struct {
	Delegator   string    `json:"delegator"`
	Role        string    `json:"role"`
	Version     int64     `json:"version,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
	Terminating bool      `json:"terminating,omitempty"`
	Lists       bool      `json:"lists,omitempty"`
	Bound       bool      `json:"bound,omitempty"`
	Error       string    `json:"error,omitempty"`
	Text        string    `json:"text"`
}

// TrailEntry is one entry of a map.
type TrailEntry struct {
	Entry       int           `json:"entry"`
	Threshold   int           `json:"threshold"`
	Terminating bool          `json:"terminating,omitempty"`
	Answers     []TrailAnswer `json:"answers"`
	Error       string        `json:"error,omitempty"`
}

// TrailAnswer is what one repository of an entry answered.
type TrailAnswer struct {
	Repository string      `json:"repository"`
	Outcome    string      `json:"outcome"`
	Text       string      `json:"text"`
	Steps      []TrailStep `json:"steps,omitempty"`
}

// Trail looks a target path up as a request on a route would, and says how it
// is decided. It downloads nothing.
func (g *Gate) Trail(ctx context.Context, prefix, path string) (Trail, error) {
	r := g.routeOf(prefix)
	if r == nil || r.prefix != prefix {
		return Trail{}, fmt.Errorf("there is no route %q", prefix)
	}
	trail := Trail{Route: prefix, Path: r.Prefix + path}
	u := r.upstream
	var searched *client.Searched
	a, err := u.trailing.once(ctx, trail.Path, func(ctx context.Context) (*answer, error) {
		f, s, err := u.search(ctx, trail.Path)
		searched = s
		return u.answerOf(f, s, err)
	})
	if ctx.Err() != nil {
		return Trail{}, err
	}
	if searched != nil {
		trail.Steps, trail.Entries = steps(searched.Trail), entries(searched.Entries)
	}
	switch {
	case err != nil:
		trail.Reason = cut(err.Error(), 2000)
		return trail, nil
	case a.no != nil:
		trail.Reason, trail.Certain, trail.Expires = a.no.Error(), a.no.Certain, a.no.Expires
	default:
		trail.Found, trail.Length, trail.Expires = true, a.length, a.expires
		for _, h := range a.digests {
			trail.Digests = append(trail.Digests, Digest(h))
		}
		trail.Cached = g.config.Files.Has(a.digest)
	}
	for _, o := range r.unverified {
		if !u.covers(trail.Path) && matches(o.Patterns, trail.Path) {
			trail.Unverified = o.name
			break
		}
	}
	return trail, nil
}

func steps(list []verify.Step) (out []TrailStep) {
	for _, s := range list {
		step := TrailStep{
			Delegator: metadata.Printable(s.Delegator), Role: metadata.Printable(s.Role), Version: s.Version,
			Expires: s.Expires, Terminating: s.Terminating, Lists: s.Lists, Bound: s.Bound, Text: s.String(),
		}
		if s.Err != nil {
			step.Error = cut(s.Err.Error(), 1000)
		}
		out = append(out, step)
	}
	return out
}

func entries(list []multirepo.Step) (out []TrailEntry) {
	for _, s := range list {
		entry := TrailEntry{Entry: s.Entry, Threshold: s.Threshold, Terminating: s.Terminating}
		for _, a := range s.Answers {
			entry.Answers = append(entry.Answers, TrailAnswer{a.Repository, a.Outcome.String(), a.String(), steps(a.Trail())})
		}
		if s.Err != nil {
			entry.Error = cut(s.Err.Error(), 1000)
		}
		out = append(out, entry)
	}
	return out
}
