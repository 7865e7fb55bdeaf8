package metadata

import (
	"slices"
	"sort"
)

// beginnings is an index of strings in canonical text: of path patterns or of
// path hash prefixes. It finds those whose beginning another string has. The
// beginning of a string is what comes before the first of the bytes * ? [ \ and
// the closing quote. So a path that matches a pattern has its beginning.
type beginnings struct {
	text string
	// at has the position of each string after its opening quote. The order is
	// that of the beginnings. Strings with the same beginning are in the order
	// of the text.
	at []uint32
}

// add adds a string that the reader is at. It does nothing if x is nil.
func (x *beginnings) add(at int) {
	if x != nil {
		x.at = append(x.at, uint32(at)+1)
	}
}

// grow makes room for n times as many strings as there are.
func (x *beginnings) grow(n int) { x.at = slices.Grow(x.at, n*len(x.at)) }

// next returns the byte after the first n of the string at a position: 0 if it
// ends the beginning, and otherwise more than 0 in the order of the bytes.
func (x *beginnings) next(at uint32, n int) int { return order(x.text[int(at)+n]) }

func order(c byte) int {
	switch {
	case c > '\\': // most are letters
	case c == '"', c == '*', c == '?', c == '[', c == '\\':
		return 0
	}
	return int(c) + 1
}

// sort brings the strings, which were added in the order of the text, into that
// of the beginnings.
func (x *beginnings) sort() {
	if !slices.IsSortedFunc(x.at, x.compare) { // most lists are in order
		x.sortAfter(x.at, 0)
	}
}

func (x *beginnings) compare(a, b uint32) int {
	for n := 0; ; n++ {
		if c, d := x.next(a, n), x.next(b, n); c != d || c == 0 {
			return c - d
		}
	}
}

// sortAfter sorts strings that have the first n bytes in common. It parts them
// in the middle of the values that the next byte has, at most nine times for
// each byte, so no choice of strings makes it slow.
func (x *beginnings) sortAfter(list []uint32, n int) {
	for len(list) > 1 {
		low, high := x.nextOfAll(list, n)
		switch {
		case low < high:
			middle := (low + high + 1) / 2
			less := 0
			for i, at := range list {
				if x.next(at, n) < middle {
					list[i], list[less] = list[less], at
					less++
				}
			}
			x.sortAfter(list[:less], n)
			list = list[less:]
		case low == 0: // all end here
			slices.Sort(list)
			return
		default:
			n++
		}
	}
}

// nextOfAll returns the lowest and the highest value of next.
func (x *beginnings) nextOfAll(list []uint32, n int) (low, high int) {
	low = x.next(list[0], n)
	high = low
	for _, at := range list[1:] {
		c := x.next(at, n)
		low, high = min(low, c), max(high, c)
	}
	return low, high
}

// find appends the strings whose beginning s has: a run for each length of a
// beginning, in the order of the text. It searches twice for each byte of s at
// most, so its time grows with the length of s and the logarithm of the number
// of strings.
func (x *beginnings) find(s string, runs [][]uint32) [][]uint32 {
	left := x.at
	for n := 0; len(left) > 0; n++ { // the strings that are left begin with s[:n]
		if ended := x.with(left, n, 0); len(ended) > 0 {
			runs = append(runs, ended)
			left = left[len(ended):]
		}
		if n == len(s) {
			break
		}
		left = x.with(left, n, order(s[n]))
	}
	return runs
}

// with returns those of the strings, which begin with the same n bytes, that
// have a certain byte after them.
func (x *beginnings) with(list []uint32, n, byteOrder int) []uint32 {
	next := func(i int) int { return x.next(list[i], n) }
	if len(list) == 0 || next(0) > byteOrder {
		return nil
	}
	from, to := 0, len(list)
	if next(0) < byteOrder {
		from = sort.Search(len(list), func(i int) bool { return next(i) >= byteOrder })
	}
	if next(to-1) > byteOrder {
		to = sort.Search(len(list), func(i int) bool { return next(i) > byteOrder })
	}
	return list[from:to]
}

// firstOf returns the run whose first string comes first in the text. It
// returns -1 if all runs are empty.
func firstOf(runs [][]uint32) int {
	first := -1
	for i, run := range runs {
		if len(run) > 0 && (first < 0 || run[0] < runs[first][0]) {
			first = i
		}
	}
	return first
}
