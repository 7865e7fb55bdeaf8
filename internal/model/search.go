package model

import (
	"math"
	"slices"
)

// edge is a delegation by the content that delegates, and what became of the
// role's file (R-5.6.7g).
type edge struct {
	by        *file // nil: the root
	delegator string
	delegation
	file   *file
	asked  bool
	err    error
	failed int // lookups there were when it failed: a later one asks again
}

func (c *Client) edgeTo(by *file, delegator string, d delegation) *edge {
	for _, e := range c.edges {
		if sameContent(e.by, by) && e.delegator == delegator && e.role == d.role {
			return e
		}
	}
	e := &edge{by: by, delegator: delegator, delegation: d}
	c.edges = append(c.edges, e)
	return e
}

func sameContent(a, b *file) bool {
	return a == b || a != nil && b != nil && a.payload == b.payload
}

// start looks for the file of an edge: listed, at hand, or to be asked for.
func (c *Client) start(e *edge) {
	e.asked, e.err = true, nil
	info := c.listedInSnapshot(e.role)
	if info == nil { // R-5.6.7f
		c.lost(e, ErrUnlisted)
		return
	}
	for _, m := range c.memory {
		if m.role == e.role && m.info == listed(info) && attempt(func() { c.judge(m.file, e, info) }) == nil {
			c.take(e, m.file)
			return
		}
	}
	if c.tooLong(e.role, info) {
		c.lost(e, ErrLimit)
		return
	}
	c.want(&Want{Role: e.role, Delegator: e.delegator, Version: versionIn(info), Path: c.fileName(e.role, versionIn(info)), info: info, edge: e})
}

// judge says whether a file that was read is good for an edge.
func (c *Client) judge(f *file, e *edge, info object) {
	if !c.rules.FirstDelegator || f.version == 0 {
		c.verify(f, e.signers, false)
	}
	c.rules.check(f, "targets")
	must(f.version == versionIn(info), "another version")
	must(c.fresh(f), "expired")
}

func (c *Client) judgeTargets(w *Want, body []byte) func() {
	f := c.rules.read(body, "targets")
	c.judge(f, w.edge, w.info)
	return func() {
		c.saved[w.Role+".json"] = f.body
		c.memory = append(c.memory, memory{w.Role, listed(w.info), f})
		c.take(w.edge, f)
	}
}

func (c *Client) take(e *edge, f *file) {
	e.file = f
	if c.phase == "targets" {
		c.targets, c.phase = f, "ready"
	}
}

// Lookup is the search for one path.
type Lookup struct {
	Path    string
	born    int
	settled bool
	waits   *edge

	// What it found, once it is settled.
	Err    error
	Role   string
	Length int64
	Hashes map[string]string
}

// Settled says whether the search is over.
func (l *Lookup) Settled() bool { return l.settled }

func (l *Lookup) end(err error) { l.settled, l.waits, l.Err = true, nil, err }

// Find begins a search.
func (c *Client) Find(path string) *Lookup {
	l := &Lookup{Path: path, born: len(c.lookups) + 1}
	c.lookups = append(c.lookups, l)
	c.search()
	return l
}

// search takes all lookups as far as they come, each from its beginning.
func (c *Client) search() {
	for _, l := range c.lookups {
		switch {
		case l.settled:
		case c.phase == "failed":
			l.end(c.err)
		case c.phase == "ready":
			l.waits = nil
			s := &search{c: c, lookup: l}
			if s.visit(c.edges[0]) == further {
				l.end(ErrNoTarget)
			}
		}
	}
}

// search is one attempt at a lookup.
type search struct {
	c       *Client
	lookup  *Lookup
	visited []string
}

type outcome int

const (
	further outcome = iota // not here
	stop                   // the search ends, for now or for good
)

// visit asks one role, and then those that it delegates to: R-5.6.7a.
func (s *search) visit(e *edge) outcome {
	l := s.lookup
	if slices.Contains(s.visited, e.role) { // R-5.6.7b
		return further
	}
	if len(s.visited) >= s.c.limits.Roles { // R-5.6.7c
		l.end(ErrLimit)
		return stop
	}
	if e.file == nil && !e.asked && (e.err == nil || l.born > e.failed) {
		s.c.start(e)
	}
	switch {
	case e.err != nil: // R-5.6.7f
		l.end(e.err)
		return stop
	case e.file == nil:
		l.waits = e
		return stop
	}
	s.visited = append(s.visited, e.role)
	if info, ok := e.file.signed["targets"].(object)[l.Path].(object); ok { // R-5.6.7d
		l.end(nil)
		l.Role, l.Length, l.Hashes = e.role, theInteger(info["length"], math.MinInt64, "length"), map[string]string{}
		for algorithm, digest := range info["hashes"].(object) {
			l.Hashes[algorithm] = digest.(string)
		}
		return stop
	}
	for _, d := range s.c.delegations(e.file, l.Path) {
		if s.visit(s.c.edgeTo(e.file, e.role, d)) == stop {
			return stop
		}
		if d.terminating { // R-5.6.7e
			l.end(ErrNoTarget)
			return stop
		}
	}
	return further
}
