package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

type object = map[string]any

// fault is a panic value: the reason to reject a file. attempt recovers it.
type fault string

func (f fault) Error() string { return string(f) }

func refuse(format string, args ...any) { panic(fault(fmt.Sprintf(format, args...))) }

func must(ok bool, format string, args ...any) {
	if !ok {
		refuse(format, args...)
	}
}

// attempt returns a fault as an error.
func attempt(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case fault:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

const maxLevels = 64

// readJSON decodes a document with at most that many levels.
func readJSON(data []byte, levels int) any {
	must(utf8.Valid(data), "not UTF-8")
	must(json.Valid(data), "not JSON")
	must(pairedSurrogates(data), "half a surrogate pair")
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v := readValue(d, levels)
	_, err := d.Token()
	must(errors.Is(err, io.EOF), "more than one document")
	return v
}

func token(d *json.Decoder) json.Token {
	t, err := d.Token()
	must(err == nil, "not JSON: %v", err)
	return t
}

func readValue(d *json.Decoder, levels int) any {
	t := token(d)
	open, ok := t.(json.Delim)
	if !ok {
		return t
	}
	must(levels > 0, "nested too deeply")
	if open == '[' {
		list := []any{}
		for d.More() {
			list = append(list, readValue(d, levels-1))
		}
		token(d)
		return list
	}
	o := object{}
	for d.More() {
		name := token(d).(string)
		_, twice := o[name]
		must(!twice, "duplicate member %q", name)
		o[name] = readValue(d, levels-1)
	}
	token(d)
	return o
}

var escapes = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// pairedSurrogates checks all escapes of the text: each high surrogate must
// come just before a low one, and each low one just after a high one.
func pairedSurrogates(data []byte) bool {
	high := -1 // where the last high surrogate ended
	for _, at := range escapes.FindAllIndex(data, -1) {
		var unit uint64
		if at[1]-at[0] == 6 {
			unit, _ = strconv.ParseUint(string(data[at[0]+2:at[1]]), 16, 32)
		}
		low := 0xDC00 <= unit && unit <= 0xDFFF
		if low != (high == at[0]) || high >= 0 && high != at[0] {
			return false
		}
		high = -1
		if 0xD800 <= unit && unit <= 0xDBFF {
			high = at[1]
		}
	}
	return high < 0
}

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// canonical encodes a value in the form that is signed.
func canonical(v any) string { return canonicalText(v, true) }

func canonicalText(v any, integers bool) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return `"` + quotes.Replace(v) + `"`
	case json.Number:
		must(!integers || integer.MatchString(string(v)), "%s is no integer", v)
		return string(v)
	case []any:
		parts := []string{}
		for _, e := range v {
			parts = append(parts, canonicalText(e, integers))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	o := v.(object)
	parts := []string{}
	for _, name := range names(o) {
		parts = append(parts, canonical(name)+":"+canonicalText(o[name], integers))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func names(o object) []string {
	list := []string{}
	for name := range o {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// The functions that begin with "the" return a value of the type in their name,
// and reject any other.

func theObject(v any, what string) object {
	o, ok := v.(object)
	must(ok, "%s is no object", what)
	return o
}

func theList(v any, what string) []any {
	l, ok := v.([]any)
	must(ok, "%s is no array", what)
	return l
}

func theString(v any, what string) string {
	s, ok := v.(string)
	must(ok, "%s is no string", what)
	return s
}

func theInteger(v any, least int64, what string) int64 {
	n, ok := v.(json.Number)
	must(ok, "%s is no number", what)
	i, err := strconv.ParseInt(string(n), 10, 64)
	must(err == nil && i >= least, "%s is out of range", what)
	return i
}

func theBool(v any, what string) bool {
	b, ok := v.(bool)
	must(ok, "%s is no boolean", what)
	return b
}

func theStrings(v any, what string) []string {
	list := []string{}
	for _, e := range theList(v, what) {
		list = append(list, theString(e, what))
	}
	return list
}

func unique(list []string) bool {
	seen := map[string]bool{}
	for _, s := range list {
		seen[s] = true
	}
	return len(seen) == len(list)
}

// Strict reports whether a text is a JSON document as requires.
func Strict(data []byte) bool { return attempt(func() { readJSON(data, maxLevels) }) == nil }
