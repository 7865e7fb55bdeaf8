package message

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// Error is an error in an answer. docs/embedding.md says what each member is.
type Error struct {
	Kind      string     `json:"kind"`
	Reason    string     `json:"reason,omitempty"`
	Text      string     `json:"text"`
	Role      string     `json:"role,omitempty"`
	Version   int64      `json:"version,omitempty"`
	Path      string     `json:"path,omitempty"`
	Expected  any        `json:"expected,omitempty"`
	Found     any        `json:"found,omitempty"`
	Rejected  bool       `json:"rejected,omitempty"`
	Rejection int        `json:"rejection,omitempty"`
	Certain   *bool      `json:"certain,omitempty"`
	Unbound   []string   `json:"unbound,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Internal  bool       `json:"internal,omitempty"`
}

// mistake is an error of the host, about the message.
type mistake struct {
	text            string
	expected, found int64 // both 0: there is nothing to compare
}

func (m mistake) Error() string {
	if m.expected == 0 && m.found == 0 {
		return m.text
	}
	return fmt.Sprintf("%s: expected %d, found %d", m.text, m.expected, m.found)
}

func (m mistake) Kind() verify.Kind { return verify.KindMistake }

// reasons are finer than kinds. The first that fits counts.
var reasons = []struct {
	err    error
	reason string
}{
	{verify.ErrSuperseded, "superseded"}, {verify.ErrSave, "save"}, {verify.ErrStoredFile, "stored file"},
	{verify.ErrTrustedRoot, "trusted root"}, {verify.ErrTime, "time"}, {verify.ErrRequest, "request"},
	{verify.ErrPath, "path"}, {verify.ErrPending, "pending"}, {verify.ErrInProgress, "in progress"},
	{verify.ErrUntrusted, "untrusted"},
	{verify.ErrUndecided, "undecided"}, {verify.ErrUncertain, "uncertain"}, {verify.ErrNoTarget, "no target"},
	{verify.ErrExpired, "expired"}, {verify.ErrRollback, "rollback"},
	{verify.ErrThreshold, "threshold"}, {verify.ErrHash, "hash"}, {verify.ErrLength, "length"},
	{verify.ErrVersion, "version"}, {verify.ErrSyntax, "syntax"}, {verify.ErrPolicy, "policy"},
	{verify.ErrIncomplete, "incomplete"},
	{verify.ErrUnlisted, "unlisted"}, {verify.ErrLimit, "limit"}, {verify.ErrUnconfirmed, "unconfirmed"},
	{verify.ErrNotAtSource, "absent"},
}

// errorOf describes an error.
func errorOf(err error) *Error {
	e := &Error{Kind: verify.KindOf(err).String(), Text: err.Error()}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			e.Reason = r.reason
			break
		}
	}
	e.aboutRequest(err)
	e.aboutFile(err)
	e.aboutTarget(err)
	if m := (mistake{}); errors.As(err, &m) && m != (mistake{text: m.text}) {
		e.compare("", m.expected, m.found)
	}
	return e
}

// compare sets what an error compares, unless an outer error did.
func (e *Error) compare(role string, expected, found any) {
	if e.Role == "" {
		e.Role = role
	}
	if e.Expected == nil {
		e.Expected, e.Found = expected, found
	}
}

func (e *Error) aboutRequest(err error) {
	if r := new(verify.RejectError); errors.As(err, &r) {
		e.Role, e.Version, e.Path = r.Request.Role, r.Request.Version, r.Request.Path
	}
	if f := new(verify.FetchError); errors.As(err, &f) {
		e.Role, e.Version, e.Path = f.Request.Role, f.Request.Version, f.Request.Path
	}
	if r, ok := err.(rejection); ok {
		e.Rejected, e.Rejection = true, r.number
	}
}

func (e *Error) aboutFile(err error) {
	if x := new(verify.SupersededError); errors.As(err, &x) {
		e.compare(x.Role, x.Stored, x.Own)
	}
	if x := new(verify.StoredRootError); errors.As(err, &x) {
		e.compare(metadata.RoleRoot, x.Stored, x.Found)
	}
	if x := new(verify.StoredFileError); errors.As(err, &x) {
		e.compare(x.Role, nil, nil)
	}
	if x := new(verify.ThresholdError); errors.As(err, &x) {
		e.compare(x.Role, x.Threshold, x.Valid)
	}
	if x := new(verify.RollbackError); errors.As(err, &x) {
		e.compare(x.Role, x.Trusted, x.Found)
	}
	if x := new(verify.ExpiredError); errors.As(err, &x) {
		e.compare(x.Role, x.At, x.Expires)
		if e.Version == 0 {
			e.Version = x.Version
		}
	}
	if x := new(verify.LengthError); errors.As(err, &x) {
		e.compare(x.File, x.Want, x.Got)
	}
	if x := new(metadata.HashError); errors.As(err, &x) {
		e.compare("", x.Want, x.Got)
	}
	if x := new(verify.LimitError); errors.As(err, &x) {
		e.compare(x.Role, x.Max, x.Got)
	}
}

func (e *Error) aboutTarget(err error) {
	if x := new(verify.NoTargetError); errors.As(err, &x) {
		e.Path, e.Certain, e.Unbound = x.Path, &x.Certain, x.Unbound
		if !x.Expires.IsZero() {
			e.Expires = &x.Expires
		}
	}
	if x := new(verify.UndecidedError); errors.As(err, &x) {
		e.Path, e.Role = x.Path, x.Role
	}
}

// saidErrors are what the sources said, one after the other in a line.
type saidErrors []error

func (e saidErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e saidErrors) Unwrap() []error { return e }
