package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// scanner reads one JSON document and writes its canonical form. It checks
// every byte in one pass. The reader of the result relies on that, and checks
// only types and members.
type scanner struct {
	in       []byte
	pos      int
	from     int // in[from:pos] is in canonical form and must still be copied
	out      []byte
	whole    bool     // the output is the input, byte for byte
	escaped  bool     // the output contains escapes
	members  []member // of the open objects, innermost last
	top      []member // of the document, if it is an object
	kind     string   // the value of "_type" in the content, as written
	kindAt   int      // its position in the input
	maxDepth int

	scratch []byte // buffers of sort
	parts   []part
}

// member is the position of a member's name in the output and in the input. The
// member ends at the comma before the next one, or at the end of the object.
type member struct{ name, at uint32 }

// part is a member while it is sorted: its name without quotes, and the whole
// text.
type part struct {
	member
	name, whole []byte
}

// canonicalize writes the canonical form of a document. Numbers outside the top
// member "signed" are copied as they are.
//
// members are sorted by the UTF-8 bytes of their names, there is no
// white space, and only the quote and the backslash are escaped.
// unknown members stay, and nothing is added or normalized.
func canonicalize(in []byte, maxDepth int) (*scanner, *SyntaxError) {
	return canonicalizeAt(1, in, maxDepth)
}

// canonicalizeAt is canonicalize for a document at the given depth of another
// one. From the second level on, it is read like the member "signed".
func canonicalizeAt(depth int, in []byte, maxDepth int) (*scanner, *SyntaxError) {
	s := &scanner{in: in, maxDepth: maxDepth}
	s.space()
	if err := s.value(depth, depth > 1); err != nil {
		return nil, err
	}
	s.space()
	if s.pos < len(s.in) {
		return nil, s.fail("data after the end of the document")
	}
	if s.whole = s.from == 0; s.whole {
		s.out = bytes.Clone(in)
	} else {
		s.flush()
	}
	return s, nil
}

// flush copies the input that is already in canonical form.
func (s *scanner) flush() {
	if s.out == nil {
		// Most white space is between values. If strings contain much of it,
		// the output grows while it is written. It is never longer than the
		// input.
		white := bytes.Count(s.in, []byte{' '}) + bytes.Count(s.in, []byte{'\n'})
		s.out = make([]byte, 0, len(s.in)-white)
	}
	s.out = append(s.out, s.in[s.from:s.pos]...)
	s.from = s.pos
}

// end returns the length of the output after a flush.
func (s *scanner) end() int { return len(s.out) + s.pos - s.from }

func (s *scanner) fail(format string, args ...any) *SyntaxError {
	return &SyntaxError{Offset: int64(s.pos), Reason: fmt.Sprintf(format, args...)}
}

// space skips white space.
func (s *scanner) space() {
	if s.pos < len(s.in) && s.in[s.pos] <= ' ' {
		s.skipSpace()
	}
}

func (s *scanner) skipSpace() {
	s.flush()
	in, i := s.in, s.pos
	for i < len(in) {
		if c := in[i]; c == '\n' {
			i++
			i += indent(in[i:])
		} else if c == ' ' || c == '\t' || c == '\r' {
			i++
		} else {
			break
		}
	}
	s.pos, s.from = i, i
}

// indent counts leading spaces, up to eight of them.
func indent(in []byte) int {
	const spaces = 0x2020202020202020
	if len(in) < 8 {
		return 0
	}
	return bits.TrailingZeros64(binary.LittleEndian.Uint64(in)^spaces) / 8
}

// next returns the next byte without reading it, or 0 at the end. No legal
// document contains the byte 0.
func (s *scanner) next() byte {
	if s.pos < len(s.in) {
		return s.in[s.pos]
	}
	return 0
}

func (s *scanner) unexpected(want string) *SyntaxError {
	if s.pos >= len(s.in) {
		return s.fail("the document ends here, want %s", want)
	}
	return s.fail("found %q, want %s", s.in[s.pos:min(s.pos+1, len(s.in))], want)
}

// value reads a value. With integers, it accepts no other numbers.
func (s *scanner) value(depth int, integers bool) *SyntaxError {
	switch c := s.next(); {
	case c == '{' || c == '[':
		if depth > s.maxDepth {
			return s.fail("nested deeper than %d levels", s.maxDepth)
		}
		if c == '{' {
			return s.object(depth, integers)
		}
		return s.array(depth, integers)
	case c == '"':
		return s.str()
	case c == '-' || '0' <= c && c <= '9':
		return s.number(integers)
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.unexpected("a value")
}

func (s *scanner) literal(word string) *SyntaxError {
	if !bytes.HasPrefix(s.in[s.pos:], []byte(word)) {
		return s.unexpected(word)
	}
	s.pos += len(word)
	return nil
}

// take reads one byte of punctuation.
func (s *scanner) take(c byte, want string) *SyntaxError {
	if s.next() != c {
		return s.unexpected(want)
	}
	s.pos++
	return nil
}

func (s *scanner) array(depth int, integers bool) *SyntaxError {
	_ = s.take('[', "")
	s.space()
	if s.next() == ']' {
		return s.take(']', "")
	}
	for i := 0; ; i++ {
		s.space()
		if err := s.value(depth+1, integers); err != nil {
			return err.within(elementStep(i))
		}
		s.space()
		if s.next() == ']' {
			return s.take(']', "")
		}
		if err := s.take(',', "a comma or the end of the array"); err != nil {
			return err
		}
	}
}

func (s *scanner) object(depth int, integers bool) *SyntaxError {
	start, base := s.end(), len(s.members)
	_ = s.take('{', "")
	s.space()
	if s.next() == '}' {
		return s.take('}', "")
	}
	sorted := true
	var last []byte
	for {
		s.space()
		m := member{name: uint32(s.end()), at: uint32(s.pos)}
		s.members = append(s.members, m)
		if n := len(s.members) - base; n == many {
			s.members = slices.Grow(s.members, len(s.in)/(s.end()-start)*n)
		}
		if s.next() != '"' {
			return s.unexpected("a name")
		}
		if err := s.str(); err != nil {
			return err
		}
		name := s.written(int(m.name))
		name = name[1 : len(name)-1]
		sorted = sorted && (len(s.members) == base+1 || s.compareNames(last, name) < 0)
		last = name
		s.space()
		if err := s.take(':', "a colon"); err != nil {
			return err
		}
		s.space()
		value, at := s.end(), s.pos
		signed := depth == 1 && string(name) == "signed"
		if err := s.value(depth+1, integers || signed); err != nil {
			return err.within(memberStep(unescape(string(name))))
		}
		if depth == 2 && integers && string(name) == "_type" {
			s.kind, s.kindAt = string(s.written(value)), at
		}
		s.space()
		if s.next() == '}' {
			break
		}
		if err := s.take(',', "a comma or the end of the object"); err != nil {
			return err
		}
	}
	members := s.members[base:]
	if !sorted {
		if err := s.sort(start, members); err != nil {
			return err
		}
	}
	if depth == 1 {
		s.top = slices.Clone(members)
	}
	s.members = s.members[:base]
	return s.take('}', "")
}

// many is the number of members after which an object's further members are
// estimated, to allocate the space for them at once.
const many = 1024

// sort sorts the members of the object that begins at start, and refuses
// duplicates.
func (s *scanner) sort(start int, members []member) *SyntaxError {
	s.flush()
	text := append(s.scratch[:0], s.out[start:]...)
	parts := slices.Grow(s.parts[:0], len(members))
	s.scratch = text
	for i, m := range members {
		end := len(s.out)
		if i+1 < len(members) {
			end = int(members[i+1].name) - 1
		}
		whole := text[int(m.name)-start : end-start]
		name := whole[1:closing(whole)]
		if s.escaped && bytes.IndexByte(name, '\\') >= 0 { // unescape once, not for each comparison
			name = []byte(unescape(string(name)))
		}
		parts = append(parts, part{m, name, whole})
	}
	s.parts = parts
	slices.SortFunc(parts, func(a, b part) int { return bytes.Compare(a.name, b.name) })
	s.out = s.out[:start+1]
	for i, p := range parts {
		if i > 0 {
			// .K2: no name occurs twice, however it is escaped.
			if last := parts[i-1]; bytes.Equal(last.name, p.name) {
				return &SyntaxError{
					Offset: int64(max(last.at, p.at)),
					Path:   memberStep(string(p.name)),
					Reason: "duplicate name",
				}
			}
			s.out = append(s.out, ',')
		}
		members[i] = member{uint32(len(s.out)), p.at}
		s.out = append(s.out, p.whole...)
	}
	return nil
}

// member returns the i-th member of the document: its name without quotes, the
// position of its value, and the value.
func (s *scanner) member(i int) (name []byte, at int, value []byte) {
	start, end := int(s.top[i].name), len(s.out)-1
	if i+1 < len(s.top) {
		end = int(s.top[i+1].name) - 1
	}
	at = start + closing(s.out[start:]) + len(`":`)
	return s.out[start+1 : at-len(`":`)], at, s.out[at:end]
}

// closing returns the position of the closing quote. The text begins with the
// opening quote of a string in canonical form.
func closing(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
}

// compareNames compares two escaped names of members by their unescaped bytes.
func (s *scanner) compareNames(a, b []byte) int {
	if !s.escaped || bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0 {
		return bytes.Compare(a, b)
	}
	return strings.Compare(unescape(string(a)), unescape(string(b)))
}

// number reads an integer of any size or, outside "signed", any JSON number.
func (s *scanner) number(integers bool) *SyntaxError {
	start := s.pos
	if s.next() == '-' {
		s.pos++
	}
	first := s.pos
	digits := s.digits()
	switch {
	case digits == 0:
		return s.unexpected("a digit")
	case digits > 1 && s.in[first] == '0':
		s.pos = start
		return s.fail("a number with a leading zero")
	}
	if !integers {
		if err := s.fraction(); err != nil {
			return err
		}
	} else if c := s.next(); c == '.' || c|0x20 == 'e' || first > start && s.in[first] == '0' {
		s.pos = start
		return s.fail("a number that is not an integer")
	}
	return nil
}

// fraction reads the fraction and the exponent of a number, if there are any.
func (s *scanner) fraction() *SyntaxError {
	if s.next() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.unexpected("a digit")
		}
	}
	if s.next()|0x20 == 'e' {
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.unexpected("a digit")
		}
	}
	return nil
}

// digits reads digits and returns how many there were.
func (s *scanner) digits() int {
	start := s.pos
	for '0' <= s.next() && s.next() <= '9' {
		s.pos++
	}
	return s.pos - start
}

// written returns the value that was just read, in canonical form. It begins at
// the given position of the output.
func (s *scanner) written(at int) []byte {
	if at < len(s.out) { // part of it is copied already, such as an escaped string
		s.flush()
		return s.out[at:]
	}
	return s.in[s.from+at-len(s.out) : s.pos]
}

// str reads a string, which begins with the next byte. In the output, only the
// quote and the backslash are escaped.
func (s *scanner) str() *SyntaxError {
	s.pos++
	for {
		s.pos += plain(s.in[s.pos:])
		switch c := s.next(); {
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			s.flush()
			if err := s.escape(); err != nil {
				return err
			}
			s.from = s.pos
		case s.pos >= len(s.in):
			return s.fail("the document ends inside a string")
		case c < 0x20:
			return s.fail("a control character inside a string")
		default:
			r, n := utf8.DecodeRune(s.in[s.pos:])
			if r == utf8.RuneError && n == 1 {
				return s.fail("invalid UTF-8")
			}
			s.pos += n
		}
	}
}

// plain counts the leading ASCII bytes that need no escape. It reads eight
// bytes at a time, because most of a repository's files are digests and names.
func plain(in []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(in)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(in[n:])
		quote, backslash := x^ones*'"', x^ones*'\\'
		// A byte below m sets its high bit in x-m*ones, unless it was already
		// set. A borrow from a lower byte can only follow a hit there.
		special := (x-ones*0x20)&^x | (quote-ones)&^quote | (backslash-ones)&^backslash | x
		if special &= highs; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for ; n < len(in); n++ {
		if c := in[n]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// escape reads one escape sequence, or two for a surrogate pair, and writes the
// character.
func (s *scanner) escape() *SyntaxError {
	const shorts, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	start := s.pos
	s.pos++
	c := s.next()
	if c == 'u' {
		r, err := s.rune(start)
		if err != nil {
			return err
		}
		s.write(r)
		return nil
	}
	i := strings.IndexByte(shorts, c)
	if i < 0 {
		s.pos = start
		return s.fail("an unknown escape sequence")
	}
	s.pos++
	s.write(rune(meanings[i]))
	return nil
}

// write writes one character, escaped if necessary.
func (s *scanner) write(r rune) {
	if r == '"' || r == '\\' {
		s.escaped = true
		s.out = append(s.out, '\\')
	}
	s.out = utf8.AppendRune(s.out, r)
}

// rune reads an escape sequence with hexadecimal digits after its backslash, or
// two of them for a surrogate pair. The first begins at start.
func (s *scanner) rune(start int) (rune, *SyntaxError) {
	high, ok := s.hex4()
	if !ok {
		return 0, s.fail("want four hexadecimal digits after \\u")
	}
	switch {
	case high < 0xD800 || high > 0xDFFF:
		return high, nil
	case high < 0xDC00 && bytes.HasPrefix(s.in[s.pos:], []byte(`\u`)):
		s.pos++
		if low, ok := s.hex4(); ok && 0xDC00 <= low && low <= 0xDFFF {
			return (high-0xD800)<<10 + (low - 0xDC00) + 0x10000, nil
		}
	}
	s.pos = start
	return 0, s.fail("an unpaired surrogate")
}

// hex4 reads the letter u and four hexadecimal digits.
func (s *scanner) hex4() (rune, bool) {
	if len(s.in)-s.pos < 5 {
		return 0, false
	}
	var r rune
	for _, c := range s.in[s.pos+1 : s.pos+5] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	s.pos += 5
	return r, true
}

// unescape removes the escapes of the canonical form.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}
