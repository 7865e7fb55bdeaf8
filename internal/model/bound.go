package model

import (
	"errors"
	"slices"
)

// ErrUndecided says that a mirror can have hidden the answer of a search.
var ErrUndecided = errors.New("a role's file may be that of another role")

// public returns the usable public keys of some signers.
func (c *Client) public(who signers) map[string]bool {
	keys := map[string]bool{}
	for _, id := range who.ids {
		if key := c.rules.publicKey(who.keys, id); key != nil {
			keys[key.material] = true
		}
	}
	return keys
}

// inCommon returns how many keys two lists have in common.
func inCommon(a, b map[string]bool) (n int64) {
	for key := range a {
		if b[key] {
			n++
		}
	}
	return n
}

// couldSign says whether the first signers can sign what the second must sign.
func (c *Client) couldSign(who, role signers) bool {
	return inCommon(c.public(who), c.public(role)) >= role.threshold
}

// needs says whether the first signers can sign nothing unless a threshold of
// the second ones does.
func (c *Client) needs(who, role signers) bool {
	keys := c.public(who)
	without := int64(len(keys)) - inCommon(keys, c.public(role)) // the most that can sign alone
	return who.threshold-without >= role.threshold
}

// delegated returns all roles that a file delegates to. Of succinct bins it
// returns the first two, which have the same keys as the others.
func (c *Client) delegated(f *file) (list []delegation) {
	d, ok := f.signed["delegations"].(object)
	if !ok {
		return nil
	}
	if s, ok := d["succinct_roles"].(object); ok {
		for number := range uint64(2) {
			list = append(list, delegation{binName(s, number), roleKeysOf(d["keys"], s), true, s})
		}
		return list
	}
	for _, e := range d["roles"].([]any) {
		role := e.(object)
		list = append(list, delegation{role["name"].(string), roleKeysOf(d["keys"], role), false, role})
	}
	return list
}

// isBin says whether a delegation is by the hash of a path.
func (d delegation) isBin() bool {
	if d.entry["bit_length"] != nil {
		return true
	}
	prefixes, ok := d.entry["path_hash_prefixes"].([]any)
	return ok && len(prefixes) > 0
}

// inBin says how many paths a file lists, and whether the bin of an edge has
// one of them.
func (c *Client) inBin(f *file, e *edge) (count int, covered bool) {
	for path := range f.signed["targets"].(object) {
		count++
		if e.entry["bit_length"] != nil {
			covered = covered || bin(e.entry, path) == e.role
		} else {
			covered = covered || c.covers(e.entry, path)
		}
	}
	return count, covered
}

// place is R-5.6.8a.
func (c *Client) place(f *file, e *edge, info object) {
	if c.rules.Unbound || e.by == nil || info["hashes"] != nil || !e.isBin() {
		return
	}
	shared := slices.ContainsFunc(c.delegated(e.by), func(d delegation) bool {
		return d.role != e.role && c.couldSign(d.signers, e.signers)
	})
	count, covered := c.inBin(f, e)
	must(!shared || count == 0 || covered, "the file of another bin")
}

// bound is R-5.6.8b.
func (c *Client) bound(e *edge, trail []*edge) bool {
	if c.listedInSnapshot(e.role)["hashes"] != nil {
		return true
	}
	bins := false
	for _, t := range trail {
		if t.by == nil && t != e && c.couldSign(t.signers, e.signers) {
			return false
		}
		for _, d := range c.delegated(t.file) {
			switch {
			case d.role == e.role || !c.couldSign(d.signers, e.signers):
			case d.isBin() && e.by != nil && sameContent(e.by, t.file) && t.role == e.delegator:
				bins = true
			default:
				return false
			}
		}
	}
	if !bins {
		return true
	}
	_, covered := c.inBin(e.file, e)
	return e.isBin() && covered
}

func (c *Client) boundIn(trail []*edge) (list []bool) {
	for _, e := range trail {
		list = append(list, c.bound(e, trail))
	}
	return list
}

// mayGoOn is R-5.6.8d: it says whether the search may go on to an edge. If not,
// the lookup is done, or waits.
func (s *search) mayGoOn(to *edge) bool {
	c := s.c
	for _, e := range s.trail {
		if c.rules.Unbound || slices.Contains(s.above, e) || c.bound(e, s.trail) || c.needs(to.signers, e.signers) {
			continue
		}
		if !s.confirm(e) {
			s.lookup.end(ErrUndecided)
		}
		return false
	}
	return true
}

// noTarget ends a search that has found nothing, or makes it wait.
func (s *search) noTarget() {
	var doubtful []*edge
	for i, ok := range s.c.boundIn(s.trail) {
		if !ok {
			doubtful = append(doubtful, s.trail[i])
		}
	}
	if !s.c.rules.Unbound && s.confirm(doubtful...) {
		return
	}
	s.lookup.Certain, s.lookup.Bound = len(doubtful) == 0, s.c.boundIn(s.trail)
	s.lookup.end(ErrNoTarget)
}

// confirm is R-5.6.8c: files that no live source has sent in this update are
// asked for once more.
func (s *search) confirm(doubtful ...*edge) (waits bool) {
	for _, e := range doubtful {
		if e.source.live || !e.confirming && e.unconfirmed >= s.lookup.born {
			continue
		}
		if !e.confirming {
			e.confirming = true
			info := s.c.listedInSnapshot(e.role)
			version := versionIn(info)
			s.c.want(&Want{
				Role: e.role, Delegator: e.delegator, Version: version,
				Path: s.c.fileName(e.role, version), info: info, edge: e, Live: true,
			})
		}
		s.lookup.confirms = append(s.lookup.confirms, e)
		waits = true
	}
	return waits
}

// judgeConfirmation compares what a live source sends with what is known.
func (c *Client) judgeConfirmation(w *Want, body []byte) func() {
	f, e := c.rules.read(body, "targets"), w.edge
	c.judge(f, e, w.info)
	return func() {
		e.confirming = false
		if f.payload == e.file.payload {
			e.source.live = true
			return
		}
		c.saved[w.Role+".json"] = f.body
		c.memory = slices.DeleteFunc(c.memory, func(m *memory) bool { return m == e.source })
		for _, l := range c.lookups {
			if slices.Contains(l.confirms, e) && !l.settled {
				l.end(ErrUndecided)
			}
		}
	}
}
