package metadata

import (
	"slices"
	"sort"
)

// index finds the members of a long object in canonical text, where the names
// are in order. It stores the position of each member and decodes a member on
// each access.
type index struct {
	text string
	at   []uint32 // positions of the members
}

// indexed reads an object and returns an index of its members. It calls check
// once for each value, to read it.
func (r *reader) indexed(check func()) index {
	x := index{text: r.text}
	if r.err == nil && r.text[r.pos] == '{' {
		x.at = make([]uint32, 0, 8)
	}
	m := r.object()
	for m.next() {
		x.at = append(x.at, uint32(m.at))
		if check(); len(x.at) == 1 { // most objects have members of about the same length
			x.at = slices.Grow(x.at, (len(r.text)-m.at)/(r.pos-m.at+1))
		}
	}
	return x
}

// name decodes the name of the i-th member. The returned reader is at its
// value.
func (x *index) name(i int) (string, reader) {
	r := reader{text: x.text, pos: int(x.at[i])}
	name := r.str()
	r.pos++
	return name, r
}

// raw returns the text of the i-th member and the comma or brace after it.
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

// find returns a reader at the value of the named member.
func (x *index) find(name string) (reader, bool) {
	i, found := sort.Find(len(x.at), func(i int) int {
		return compareQuoted(name, x.text[x.at[i]+1:])
	})
	if !found {
		return reader{}, false
	}
	_, r := x.name(i)
	return r, true
}

// compareQuoted compares a name with the escaped name at the beginning of a
// text, which follows the opening quote. It stops where they differ, because a
// name in a file may be as long as the file.
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
