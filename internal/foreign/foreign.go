// Package foreign is about errors that come from outside the library: from a
// source, a store or another client.
package foreign

import "errors"

// Cause returns a cause that comes from outside as it is, unless it wraps one
// of the errors that only the library may say: of such a cause the text is
// left. A source may well be a client of another repository, and what that one
// does not have may yet be here.
func Cause(cause error, own ...error) error {
	for _, err := range own {
		if errors.Is(cause, err) {
			return errors.New(cause.Error())
		}
	}
	return cause
}
