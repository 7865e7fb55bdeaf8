package metadata

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrSyntax is returned (wrapped) when a file is not in the format of TUF.
// Every *SyntaxError wraps it.
var ErrSyntax = errors.New("not well-formed TUF metadata")

// SyntaxError is the error for a file that is not in the format of TUF.
type SyntaxError struct {
	// Offset is the position of the error in bytes. It counts in
	//
	//   - the file, for errors about its JSON;
	//   - the canonical form of the file, for errors about the envelope;
	//   - the canonical form of the content, for errors about the content;
	//   - the decoded payload, for errors about the JSON of a DSSE payload.
	Offset int64
	// Path is the path of the value, such as signed.roles[2].keyids. It is
	// empty for the document itself.
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

// within adds a step at the front of the error's path, and returns the error.
func (e *SyntaxError) within(step string) *SyntaxError {
	switch {
	case e.Path == "" || e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
	return e
}

// memberStep returns the step of a path for a member, safe to print.
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

// Printable returns a name in a form that is safe to show in a terminal. It
// quotes a name that contains anything but printable characters, and cuts a
// very long one. Names of roles and targets come from files and may contain
// anything.
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

// elementStep returns the step of a path for an element of an array.
func elementStep(i int) string { return "[" + strconv.Itoa(i) + "]" }
