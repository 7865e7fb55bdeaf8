package metadata

import (
	"strings"
	"time"
)

// Header holds the members that all contents have (spec section 4.3).
type Header struct {
	// SpecVersion is the version of the specification: two or three numbers,
	// of which the first is 1.
	SpecVersion string
	// Version is the file's version, from 1 to 2^63-1.
	Version int64
	// Expires is the time at which the file expires.
	Expires time.Time

	expires string // as written in the file
	payload string // canonical text of the whole content
}

// ExpiresText returns the time of expiry as written in the file.
func (h *Header) ExpiresText() string { return h.expires }

// Member returns the named member of the content as JSON, for extensions that
// this package does not know. The caller owns the bytes.
func (h *Header) Member(name string) ([]byte, bool) {
	if h.payload == "" {
		return nil, false
	}
	r := &reader{text: h.payload}
	m := r.object()
	for m.next() {
		if m.name == name {
			return standardJSON(r.raw()), true
		}
	}
	return nil, false
}

// standardJSON converts canonical text, which contains control characters
// without escapes, to JSON that every parser accepts.
func standardJSON(canonical string) []byte {
	const hexadecimal = "0123456789abcdef"
	out := make([]byte, 0, len(canonical))
	for i := range len(canonical) {
		if c := canonical[i]; c < 0x20 {
			out = append(out, '\\', 'u', '0', '0', hexadecimal[c>>4], hexadecimal[c&15])
		} else {
			out = append(out, c)
		}
	}
	return out
}

// content reads the members that all contents have. It calls the given function
// for each other member.
func (r *reader) content(h *Header, member func(name string)) {
	at := r.pos
	h.payload = r.text
	m := r.object()
	for m.next() {
		switch m.name {
		case "spec_version":
			h.SpecVersion = r.specVersion()
		case "version":
			h.Version = r.integer(1)
		case "expires":
			h.expires, h.Expires = r.dateTime()
		default:
			member(m.name)
		}
	}
	r.missing(at, "spec_version", h.SpecVersion != "")
	r.missing(at, "version", h.Version != 0)
	r.missing(at, "expires", h.expires != "")
}

// specVersion reads the version of the specification.
//
// two or three decimal numbers with dots between them, the first is 1.
func (r *reader) specVersion() string {
	at := r.pos
	v := r.str()
	parts := strings.Split(v, ".")
	ok := len(parts) == 2 || len(parts) == 3
	for _, p := range parts {
		ok = ok && p != "" && strings.Trim(p, "0123456789") == ""
	}
	if !ok || parts[0] != "1" {
		r.fail(at, "found %q, want 1.x or 1.x.y", shorten(v))
		return ""
	}
	return v
}

// dateTime reads a time.
//
// RFC 3339 with upper-case letters. Fractions and offsets are
// accepted. time.Parse alone accepts more than that.
func (r *reader) dateTime() (string, time.Time) {
	at := r.pos
	s := r.str()
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !dateTimeShape(s) {
		r.fail(at, "found %q, want a time like 2030-01-02T15:04:05Z", shorten(s))
		return "", time.Time{}
	}
	return s, t
}

// dateTimeShape checks the positions of digits and punctuation. time.Parse
// checks that the numbers make sense.
func dateTimeShape(s string) bool {
	rest, ok := cutShape(s, "dddd-dd-ddTdd:dd:dd")
	if !ok {
		return false
	}
	if fraction, ok := strings.CutPrefix(rest, "."); ok {
		rest = strings.TrimLeft(fraction, "0123456789")
		if len(rest) == len(fraction) {
			return false
		}
	}
	if rest == "Z" {
		return true
	}
	if !strings.HasPrefix(rest, "+") && !strings.HasPrefix(rest, "-") {
		return false
	}
	rest, ok = cutShape(rest[1:], "dd:dd")
	return ok && rest == ""
}

// cutShape cuts off a prefix of the given shape, where d stands for a digit.
func cutShape(s, shape string) (string, bool) {
	if len(s) < len(shape) {
		return s, false
	}
	for i := range len(shape) {
		if shape[i] == 'd' {
			if s[i] < '0' || s[i] > '9' {
				return s, false
			}
		} else if s[i] != shape[i] {
			return s, false
		}
	}
	return s[len(shape):], true
}
