package metadata

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrSyntax is what every error about the form of a file wraps.
var ErrSyntax = errors.New("not well-formed TUF metadata")

// SyntaxError says where a file departs from the format.
type SyntaxError struct {
	// Offset is the position in bytes: in the file for errors about JSON, in
	// the canonical form of the file for errors about the envelope, and in the
	// canonical payload for errors about the contents of "signed". For errors
	// about the JSON of a DSSE envelope's payload, it is in the payload as it
	// was decoded.
	Offset int64
	// Path leads to the value, as in signed.roles[2].keyids. Empty for the
	// document itself.
	Path string
	// Reason says what is wrong.
	Reason string
}

func (e *SyntaxError) Error() string {
	where := fmt.Sprintf("offset %d", e.Offset)
	if e.Path != "" {
		where = fmt.Sprintf("%s (offset %d)", e.Path, e.Offset)
	}
	return fmt.Sprintf("%v: %s: %s", ErrSyntax, where, e.Reason)
}

func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// within returns the error with one more step at the front of its path.
func (e *SyntaxError) within(step string) *SyntaxError {
	switch {
	case e.Path == "" || e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
	return e
}

// memberStep spells a member's name as a step of a path, safe to print.
func memberStep(name string) string {
	const most = 64
	if len(name) > most {
		return "[" + strconv.Quote(name[:most]) + "...]"
	}
	for i := range len(name) {
		c := name[i]
		if c != '_' && c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9' || i == 0) {
			return "[" + strconv.Quote(name) + "]"
		}
	}
	if name == "" {
		return `[""]`
	}
	return name
}

// Printable returns a name as it may be shown in a terminal: as it is, or
// quoted if a character in it would not just be seen, and cut if it is very
// long. Names of roles and targets come from files, and may hold anything.
func Printable(name string) string {
	const most = 256
	if len(name) > most {
		return strconv.Quote(name[:most]) + "..."
	}
	if !utf8.ValidString(name) {
		return strconv.Quote(name)
	}
	for _, r := range name {
		if !strconv.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	return name
}

func elementStep(i int) string { return "[" + strconv.Itoa(i) + "]" }
