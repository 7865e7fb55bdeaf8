package model

import (
	"math"
	"slices"
)

// edge is a delegation of one content, with the state of the role's file
// (R-5.6.7g).
type edge struct {
	by        *file // nil: the root
	delegator string
	delegation
	file   *file
	asked  bool
	err    error
	failed int // how many lookups there were when it failed: later ones ask again

	source      *memory
	confirming  bool // a live source is asked for the file once more
	unconfirmed int  // how many lookups there were when none had it: later ones ask again
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

// start looks for the file of an edge: in memory, or else it wants the file.
func (c *Client) start(e *edge) {
	e.asked, e.err = true, nil
	info := c.listedInSnapshot(e.role)
	if info == nil { // R-5.6.7f
		c.lost(e, ErrUnlisted)
		return
	}
	for _, m := range c.memory {
		if m.role == e.role && m.info == listed(info) && attempt(func() { c.judge(m.file, e, info) }) == nil {
			e.source = m
			c.accept(e, m.file)
			return
		}
	}
	if c.tooLong(e.role, info) {
		c.lost(e, ErrLimit)
		return
	}
	version := versionIn(info)
	c.want(&Want{
		Role: e.role, Delegator: e.delegator, Version: version,
		Path: c.fileName(e.role, version), info: info, edge: e,
	})
}

// judge rejects a file that is not good for an edge.
func (c *Client) judge(f *file, e *edge, info object) {
	if !c.rules.FirstDelegator || f.version == 0 {
		c.verify(f, e.signers, false)
	}
	c.rules.check(f, "targets")
	must(f.version == versionIn(info), "another version")
	must(c.fresh(f), "expired")
	c.place(f, e, info)
}

func (c *Client) judgeTargets(w *Want, body []byte, saved bool) func() {
	f := c.rules.read(body, "targets")
	c.judge(f, w.edge, w.info)
	return func() {
		if !saved {
			c.saved[w.Role+".json"] = f.body
		}
		w.edge.source = &memory{w.Role, listed(w.info), f, !saved}
		c.memory = append(c.memory, w.edge.source)
		c.accept(w.edge, f)
	}
}

func (c *Client) accept(e *edge, f *file) {
	e.file = f
	if c.phase == "targets" {
		c.targets, c.phase = f, "ready"
	}
}

// Lookup is the search for one path.
type Lookup struct {
	Path     string
	born     int
	settled  bool
	waits    *edge
	confirms []*edge

	// The result, once the lookup is done.
	Err    error
	Role   string
	Length int64
	Hashes map[string]string
	// Certain says that no mirror can have forged that there is no target.
	// Bound says it of each file of a search that came to an end.
	Certain bool
	Bound   []bool
}

// Settled reports whether the lookup is done.
func (l *Lookup) Settled() bool { return l.settled }

func (l *Lookup) end(err error) { l.settled, l.waits, l.Err = true, nil, err }

// Find begins a lookup.
func (c *Client) Find(path string) *Lookup {
	l := &Lookup{Path: path, born: len(c.lookups) + 1}
	c.lookups = append(c.lookups, l)
	c.search()
	return l
}

// search continues all lookups as far as possible, each from its beginning.
func (c *Client) search() {
	for _, l := range c.lookups {
		switch {
		case l.settled:
		case c.phase == "failed":
			l.end(c.err)
		case c.phase == "ready":
			l.waits, l.confirms = nil, nil
			s := &search{c: c, lookup: l}
			if s.visit(c.edges[0]) == further {
				s.noTarget()
			}
		}
	}
}

// search is one pass of a lookup.
type search struct {
	c       *Client
	lookup  *Lookup
	visited []string
	trail   []*edge
	above   []*edge // those that lead to the role that is looked at
}

type outcome int

const (
	further outcome = iota // the role does not list the path
	stop                   // the pass ends: the lookup is done, or waits for a file
)

// visit looks in one role, and then in those to which it delegates: R-5.6.7a.
func (s *search) visit(e *edge) outcome {
	l := s.lookup
	if slices.Contains(s.visited, e.role) { // R-5.6.7b
		return further
	}
	if len(s.visited) >= s.c.limits.Roles { // R-5.6.7c
		l.end(ErrLimit)
		return stop
	}
	if !s.mayGoOn(e) {
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
	s.visited, s.trail = append(s.visited, e.role), append(s.trail, e)
	if info, ok := e.file.signed["targets"].(object)[l.Path].(object); ok { // R-5.6.7d
		l.end(nil)
		l.Bound = s.c.boundIn(s.trail)
		l.Role, l.Length, l.Hashes = e.role, theInteger(info["length"], math.MinInt64, "length"), map[string]string{}
		for algorithm, digest := range info["hashes"].(object) {
			l.Hashes[algorithm] = digest.(string)
		}
		return stop
	}
	s.above = append(s.above, e)
	defer func() { s.above = s.above[:len(s.above)-1] }()
	for _, d := range s.c.delegations(e.file, l.Path) {
		if s.visit(s.c.edgeTo(e.file, e.role, d)) == stop {
			return stop
		}
		if d.terminating { // R-5.6.7e
			s.noTarget()
			return stop
		}
	}
	return further
}
