// Package protocol translates between what package managers ask for and the
// target paths of a TUF repository. There is a file for each protocol.
//
// It does no I/O and decides nothing about trust: it says which targets a
// request needs, and renders an answer from bodies that are verified.
package protocol

import (
	"net/http"
	"net/url"
)

// Protocol is the protocol of one package manager. It is safe for many
// goroutines.
type Protocol interface {
	// Plan says how a request is answered. The error is a *RequestError if
	// there is no such address in the protocol.
	Plan(Request) (Plan, error)
	// Refusal renders the reason why a request is refused (403), or could not
	// be answered (404, 503), in the form that the protocol's clients show.
	Refusal(status int, reason string) Reply
}

// Request is what a package manager asks for.
type Request struct {
	// Path is the escaped path below the route, without a slash before it.
	Path string
	// Query and Header are those of the request.
	Query  url.Values
	Header http.Header
	// Base is the URL of the route as the client sees it, with a slash at the
	// end.
	Base string
}

// Plan says how a request is answered: one of Redirect, Refuse and Targets is
// set.
type Plan struct {
	// Redirect is a path below the route, such as that of the normalised name.
	Redirect string
	// Refuse is a reason to refuse at once.
	Refuse string
	// Targets are target paths, best first. The next one is looked for only if
	// it is certain that there is none before it.
	Targets []string
	// Index are target paths of the index of the name that a file belongs to.
	// If a repository decides about one of them, no upstream without TUF
	// answers for the file.
	Index []string
	// Choose, if it is not nil, chooses among what a verified file names: the
	// targets are those that it returns for the body of the first of Targets
	// that exists.
	Choose func(body []byte) (targets []string, err error)
	// Render makes the answer from the verified body of a target. Nil: the
	// bytes as they are.
	Render func(target string, body []byte) (Reply, error)
	// ContentType is that of the bytes as they are.
	ContentType string
	// Fixed says that the file at this address never changes.
	Fixed bool
	// Streams says that a client can do no harm with the first part of the file
	// alone, so that it may be sent before all of it is verified.
	Streams bool
}

// Reply is an answer.
type Reply struct {
	// Status is that of a refusal, if it must be another one than the given:
	// some clients take some statuses for success. Otherwise it is 0.
	Status      int
	ContentType string
	Header      http.Header // more of it, such as Vary
	Body        []byte
}

// RequestError says that a request is none of the protocol.
type RequestError struct{ Reason string }

func (e *RequestError) Error() string { return e.Reason }
