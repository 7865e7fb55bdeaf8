package metadata

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// reader takes values, one after the other, from canonical text that a scanner wrote. The syntax is known to be
// right; the shape is not. The first error stays, and everything read after it is a zero value.
type reader struct {
	text string
	pos  int
	err  *SyntaxError
}

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &SyntaxError{Offset: int64(at), Reason: fmt.Sprintf(format, args...)}
	}
}

// in adds a step to the path of an error that happened while a member or an element was read.
func (r *reader) in(step func() string) {
	if r.err != nil {
		r.err.within(step())
	}
}

func (r *reader) kind() string {
	switch r.text[r.pos] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// expect says whether the next value begins with the given byte.
func (r *reader) expect(c byte, want string) bool {
	if r.err != nil {
		return false
	}
	if r.text[r.pos] != c {
		r.fail(r.pos, "found %s, want %s", r.kind(), want)
		return false
	}
	return true
}

// object yields the names of the members of an object. A value that the loop's body leaves unread is skipped.
func (r *reader) object() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !r.expect('{', "an object") {
			return
		}
		for r.pos++; r.text[r.pos] != '}'; {
			if r.text[r.pos] == ',' {
				r.pos++
			}
			name := r.str()
			r.pos++ // the colon
			at := r.pos
			if !yield(name) {
				return
			}
			if r.in(func() string { return memberStep(name) }); r.err != nil {
				return
			}
			if r.pos == at {
				r.skip()
			}
		}
		r.pos++
	}
}

// array yields the positions of the elements of an array.
func (r *reader) array() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !r.expect('[', "an array") {
			return
		}
		r.pos++
		for i := 0; r.text[r.pos] != ']'; i++ {
			if r.text[r.pos] == ',' {
				r.pos++
			}
			at := r.pos
			if !yield(i) {
				return
			}
			if r.in(func() string { return elementStep(i) }); r.err != nil {
				return
			}
			if r.pos == at {
				r.skip()
			}
		}
		r.pos++
	}
}

func (r *reader) str() string {
	if !r.expect('"', "a string") {
		return ""
	}
	start := r.pos + 1
	r.skipString()
	return unescape(r.text[start : r.pos-1])
}

func (r *reader) boolean() bool {
	if r.err != nil {
		return false
	}
	switch r.text[r.pos] {
	case 't':
		r.pos += len("true")
		return true
	case 'f':
		r.pos += len("false")
		return false
	}
	r.fail(r.pos, "found %s, want a boolean", r.kind())
	return false
}

// integer reads a number from least to 2^63-1.
func (r *reader) integer(least int64) int64 {
	if r.err != nil {
		return 0
	}
	at := r.pos
	if c := r.text[at]; c != '-' && (c < '0' || c > '9') {
		r.fail(at, "found %s, want an integer", r.kind())
		return 0
	}
	r.skip()
	n, err := strconv.ParseInt(r.text[at:r.pos], 10, 64)
	if err != nil || n < least {
		r.fail(at, "found %s, want an integer from %d to %d", shorten(r.text[at:r.pos]), least, int64(math.MaxInt64))
		return 0
	}
	return n
}

// raw returns the text of a value.
func (r *reader) raw() string {
	if r.err != nil {
		return ""
	}
	at := r.pos
	r.skip()
	return r.text[at:r.pos]
}

// skipString goes to the quote that ends the string: the first one behind an even number of backslashes.
func (r *reader) skipString() {
	start := r.pos + 1
	for from := start; ; {
		end := from + strings.IndexByte(r.text[from:], '"')
		i := end
		for i > from && r.text[i-1] == '\\' {
			i--
		}
		if (end-i)%2 == 0 {
			r.pos = end + 1
			return
		}
		from = end + 1
	}
}

func (r *reader) skip() {
	for depth := 0; ; {
		switch c := r.text[r.pos]; c {
		case '"':
			r.skipString()
		case '{', '[':
			depth++
			r.pos++
		case '}', ']':
			depth--
			r.pos++
		case ',', ':':
			r.pos++
			continue
		default:
			for r.pos < len(r.text) && strings.IndexByte(",]}", r.text[r.pos]) < 0 {
				r.pos++
			}
		}
		if depth == 0 {
			return
		}
	}
}

func (r *reader) missing(at int, name string, present bool) {
	if !present {
		r.fail(at, "member %q is missing", name)
	}
}

func shorten(s string) string {
	if len(s) > 32 {
		return s[:32] + "..."
	}
	return s
}
