package verifytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Decode reads a JSON text. A document is a tree of map[string]any, []any,
// string, bool, nil, and int, int64 or json.Number for numbers. Documents that
// this package builds have int64. Documents that Decode returns have
// json.Number, which Encode writes as it was.
func Decode(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("verifytest: data after the JSON value")
	}
	return v, nil
}

// Encode writes a document as JSON with sorted members. It is compact if indent
// is empty, and has one member a line otherwise. A json.Number is written as it
// is, valid or not, and so are the bytes of strings, except the quote, the
// backslash and control characters. Encode panics for a value that no document
// has; see Decode.
func Encode(v any, indent string) []byte {
	w := writer{indent: indent}
	if err := w.value(v, 0); err != nil {
		panic(err)
	}
	return w.buf
}

// Canonical writes a document in OLPC's canonical JSON, which signatures cover.
// Integers may have any size. It returns an error for a number with a fraction
// or an exponent, and for -0.
func Canonical(v any) ([]byte, error) {
	w := writer{canonical: true, integers: true}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return w.buf, nil
}

// signedBytes is Canonical, but writes every number as it is, so that wrong
// documents can be signed, too.
func signedBytes(v any) []byte {
	w := writer{canonical: true}
	if err := w.value(v, 0); err != nil {
		panic(err)
	}
	return w.buf
}

type writer struct {
	buf       []byte
	keys      []string // a stack: the sorted member names of all open objects
	indent    string
	canonical bool // escape only the quote and the backslash
	integers  bool // refuse other numbers
}

func (w *writer) value(v any, depth int) error {
	switch v := v.(type) {
	case map[string]any:
		return w.object(v, depth)
	case []any:
		return w.array(v, depth)
	case string:
		w.string(v)
	case bool:
		w.buf = strconv.AppendBool(w.buf, v)
	case nil:
		w.buf = append(w.buf, "null"...)
	case int:
		w.buf = strconv.AppendInt(w.buf, int64(v), 10)
	case int64:
		w.buf = strconv.AppendInt(w.buf, v, 10)
	case json.Number:
		if w.integers && !isInteger(string(v)) {
			return fmt.Errorf("verifytest: %q has no canonical form", string(v))
		}
		w.buf = append(w.buf, v...)
	default:
		return fmt.Errorf("verifytest: a document cannot hold a %T", v)
	}
	return nil
}

func (w *writer) object(m map[string]any, depth int) error {
	base := len(w.keys)
	for k := range m {
		w.keys = append(w.keys, k)
	}
	slices.Sort(w.keys[base:])
	w.buf = append(w.buf, '{')
	for i := range len(m) {
		k := w.keys[base+i]
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.line(depth + 1)
		w.string(k)
		w.buf = append(w.buf, ':')
		if w.indent != "" {
			w.buf = append(w.buf, ' ')
		}
		if err := w.value(m[k], depth+1); err != nil {
			return err
		}
	}
	w.keys = w.keys[:base]
	if len(m) > 0 {
		w.line(depth)
	}
	w.buf = append(w.buf, '}')
	return nil
}

func (w *writer) array(a []any, depth int) error {
	w.buf = append(w.buf, '[')
	for i, v := range a {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.line(depth + 1)
		if err := w.value(v, depth+1); err != nil {
			return err
		}
	}
	if len(a) > 0 {
		w.line(depth)
	}
	w.buf = append(w.buf, ']')
	return nil
}

func (w *writer) line(depth int) {
	if w.indent == "" {
		return
	}
	w.buf = append(w.buf, '\n')
	for range depth {
		w.buf = append(w.buf, w.indent...)
	}
}

func (w *writer) string(s string) {
	const hex = "0123456789abcdef"
	w.buf = append(w.buf, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c != '"' && c != '\\' && (c >= 0x20 || w.canonical) {
			continue
		}
		w.buf = append(w.buf, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			w.buf = append(w.buf, '\\', c)
		case '\n':
			w.buf = append(w.buf, '\\', 'n')
		case '\r':
			w.buf = append(w.buf, '\\', 'r')
		case '\t':
			w.buf = append(w.buf, '\\', 't')
		default:
			w.buf = append(w.buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	w.buf = append(w.buf, s[start:]...)
	w.buf = append(w.buf, '"')
}

func isInteger(s string) bool {
	if s == "-0" {
		return false
	}
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
