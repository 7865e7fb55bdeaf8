package metadata

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// reader reads one value after another from canonical text that a scanner
// wrote. The syntax is known to be right, the types and members are not. After
// the first error, every value is the zero value.
type reader struct {
	text  string
	plain bool // the text has no escapes
	pos   int
	err   *SyntaxError
}

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &SyntaxError{Offset: int64(at), Reason: fmt.Sprintf(format, args...)}
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

// expect reports whether the next value begins with the given byte.
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

// object starts to read an object, one member at a time.
func (r *reader) object() members { return members{r: r} }

// members iterates over an object. Each call of next moves the reader to a
// value. The following call skips that value if it was not read.
type members struct {
	r     *reader
	name  string
	at    int // position of the name
	value int // position of the value
}

func (m *members) next() bool {
	r := m.r
	switch {
	case m.value == 0:
		if !r.expect('{', "an object") {
			return false
		}
		r.pos++
	case r.err != nil:
		r.err.within(memberStep(m.name))
		return false
	case r.pos == m.value:
		r.skip()
	}
	switch r.text[r.pos] {
	case '}':
		r.pos++
		return false
	case ',':
		r.pos++
	}
	m.at = r.pos
	m.name = r.str()
	r.pos++ // the colon
	m.value = r.pos
	return true
}

// array starts to read an array, one element at a time.
func (r *reader) array() list { return list{r: r, i: -1} }

// list iterates over an array as members does over an object.
type list struct {
	r     *reader
	i     int
	value int
}

func (e *list) next() bool {
	r := e.r
	switch {
	case e.i < 0:
		if !r.expect('[', "an array") {
			return false
		}
		r.pos++
	case r.err != nil:
		r.err.within(elementStep(e.i))
		return false
	case r.pos == e.value:
		r.skip()
	}
	switch r.text[r.pos] {
	case ']':
		r.pos++
		return false
	case ',':
		r.pos++
	}
	e.i++
	e.value = r.pos
	return true
}

func (r *reader) str() string {
	if !r.expect('"', "a string") {
		return ""
	}
	start := r.pos + 1
	if r.plain {
		end := start + strings.IndexByte(r.text[start:], '"')
		r.pos = end + 1
		return r.text[start:end]
	}
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
	if r.text[at] == '-' {
		r.pos++
	}
	// The number is inside an object, so another byte follows it.
	n := int64(0)
	for ; '0' <= r.text[r.pos] && r.text[r.pos] <= '9'; r.pos++ {
		n = 10*n + int64(r.text[r.pos]-'0')
	}
	var err error
	if r.pos-at > 18 || r.text[at] == '-' { // fewer digits do not overflow, and are read faster here
		n, err = strconv.ParseInt(r.text[at:r.pos], 10, 64)
	}
	if err != nil || n < least {
		r.fail(at, "found %s, want an integer from %d to %d",
			shorten(r.text[at:r.pos]), least, int64(math.MaxInt64))
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

// skipString moves behind the quote that ends the string: the first quote after
// an even number of backslashes.
func (r *reader) skipString() {
	start := r.pos + 1
	end := start + strings.IndexByte(r.text[start:], '"')
	for r.text[end-1] == '\\' && !r.plain {
		i := end - 1
		for i > start && r.text[i-1] == '\\' {
			i--
		}
		if (end-i)%2 == 0 {
			break
		}
		end += 1 + strings.IndexByte(r.text[end+1:], '"')
	}
	r.pos = end + 1
}

// skip moves behind the next value.
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

// missing fails unless a member is present.
func (r *reader) missing(at int, name string, present bool) {
	if !present {
		r.fail(at, "member %q is missing", name)
	}
}

// shorten cuts a string from a file to a length that fits an error text.
func shorten(s string) string {
	if len(s) > 32 {
		return s[:32] + "..."
	}
	return s
}
