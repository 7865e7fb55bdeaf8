package metadata

import (
	"slices"
	"sort"
)

// index finds the members of a long object in canonical text, whose names stand
// in order. It remembers where each member begins and decodes nothing before it
// is asked.
type index struct {
	text string
	at   []uint32
}

// indexed reads an object, remembers its members, and lets check read each
// value once.
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

// name decodes the name of the i-th member and leaves the reader before its
// value.
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
	i, found := sort.Find(len(x.at), func(i int) int { return compareQuoted(name, x.text[x.at[i]+1:]) })
	if !found {
		return reader{}, false
	}
	_, r := x.name(i)
	return r, true
}

// compareQuoted compares a name with the one in canonical escaping that a text
// begins with, behind its opening quote, and looks no further than where they
// differ: a name in a file may be as long as the file.
func compareQuoted(name, quoted string) int {
	for i, j := 0, 0; ; i, j = i+1, j+1 {
		c := quoted[j]
		if c == '"' {
			return len(name) - i
		}
		if c == '\\' {
			j++
			c = quoted[j]
		}
		if i == len(name) || name[i] != c {
			if i < len(name) && name[i] > c {
				return 1
			}
			return -1
		}
	}
}
