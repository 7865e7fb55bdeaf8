package metadata

import (
	"slices"
	"sort"
)

// index finds the members of a long object in canonical text, whose names stand in order. It remembers where each
// member begins and decodes nothing before it is asked.
type index struct {
	text string
	at   []uint32
}

// indexed reads an object, remembers its members, and lets check read each value once.
func (r *reader) indexed(check func()) index {
	x := index{text: r.text}
	if r.err == nil && r.text[r.pos] == '{' {
		x.at = make([]uint32, 0, 8)
	}
	m := r.object()
	for m.next() {
		x.at = append(x.at, uint32(m.at))
		if check(); len(x.at) == 1 { // mostly, all are about as long
			x.at = slices.Grow(x.at, (len(r.text)-m.at)/(r.pos-m.at+1))
		}
	}
	return x
}

// name decodes the name of the i-th member and leaves the reader before its value.
func (x *index) name(i int) (string, reader) {
	r := reader{text: x.text, pos: int(x.at[i])}
	name := r.str()
	r.pos++
	return name, r
}

// raw is the text of the i-th member, with the comma or the bracket behind it.
func (x *index) raw(i int) string {
	if i+1 < len(x.at) {
		return x.text[x.at[i]:x.at[i+1]]
	}
	r := reader{text: x.text, pos: int(x.at[i])}
	r.skipString()
	r.pos++
	r.skip()
	return x.text[x.at[i] : r.pos+1]
}

// find leaves the reader before the value of the named member.
func (x *index) find(name string) (reader, bool) {
	i := sort.Search(len(x.at), func(i int) bool {
		n, _ := x.name(i)
		return n >= name
	})
	if i == len(x.at) {
		return reader{}, false
	}
	n, r := x.name(i)
	return r, n == name
}
