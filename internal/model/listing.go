package model

import "maps"

// List returns the lookups of all paths that any file lists, once every role is
// asked for that any file delegates to. The caller answers each file that is
// wanted. The update must be over.
//
// It is the plain way to list a repository: all files, then all paths.
func (c *Client) List(answer func(*Want)) []*Lookup {
	for again := true; again; {
		again = false
		for _, e := range c.edges {
			if e.file == nil {
				continue
			}
			for _, d := range c.everyDelegation(e.file) {
				if next := c.edgeTo(e.file, e.role, d); !next.asked && next.err == nil {
					again = true
					c.start(next)
				}
			}
		}
		c.answerAll(answer)
	}
	paths := map[string]bool{}
	for _, e := range c.edges {
		if e.file != nil {
			for path := range e.file.signed["targets"].(object) {
				paths[path] = true
			}
		}
	}
	var list []*Lookup
	for path := range maps.Keys(paths) {
		list = append(list, c.Find(path))
		c.answerAll(answer)
	}
	return list
}

func (c *Client) answerAll(answer func(*Want)) {
	for len(c.wants) > 0 {
		answer(c.wants[0])
	}
}

// everyDelegation returns all roles that a file delegates to, each bin among
// them.
func (c *Client) everyDelegation(f *file) []delegation {
	d, _ := f.signed["delegations"].(object)
	s, ok := d["succinct_roles"].(object)
	if !ok {
		return c.delegated(f)
	}
	var list []delegation
	for number := range uint64(1) << theInteger(s["bit_length"], 1, "bit_length") {
		list = append(list, delegation{binName(s, number), roleKeysOf(d["keys"], s), true, s})
	}
	return list
}
