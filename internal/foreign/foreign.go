// Package foreign is about errors that come from outside the library: from a
// source, a store or another client.
package foreign

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Cause returns a cause that comes from outside, unless it wraps one of the
// errors that only the library may say: of such a cause the text is left. A
// source may well be a client of another repository, and what that one does not
// have may yet be here.
//
// The text is printable: a cause whose text is not gets another one.
func Cause(cause error, own ...error) error {
	if cause == nil {
		return nil
	}
	before := cause.Error()
	text := printable(before)
	for _, err := range own {
		if errors.Is(cause, err) {
			return errors.New(text)
		}
	}
	if text != before {
		return &escaped{text, cause}
	}
	return cause
}

// Causes returns the Cause of each error that is not nil. What wraps the given
// sentinel still does.
func Causes(said []error, sentinel error, own ...error) (causes []error) {
	for _, err := range said {
		cause := Cause(err, own...)
		if errors.Is(err, sentinel) && !errors.Is(cause, sentinel) {
			cause = fmt.Errorf("%w: %w", sentinel, cause)
		}
		if cause != nil {
			causes = append(causes, cause)
		}
	}
	return causes
}

// escaped is an error with a text that is safe to show in a terminal.
type escaped struct {
	text string
	error
}

func (e *escaped) Error() string { return e.text }
func (e *escaped) Unwrap() error { return e.error }

// printable returns a text without what could control a terminal. Lines, as
// errors.Join makes them, become parts of one.
func printable(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch quoted := strconv.Quote(text[:size]); {
		case r == '\n':
			b.WriteString("; ")
		case unprintable(r) || r == utf8.RuneError: // also of bytes that are no UTF-8
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

func unprintable(r rune) bool { return !strconv.IsPrint(r) }
