package client

import (
	"time"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Event is something that happened, for a progress bar, a log or metrics. It is
// one of the types below; later versions may have more of them. An event is
// told and changes nothing.
//
// Texts in events may come from the network. Their errors are printable; names
// and paths are not: slog's and fmt's %q make them so.
type Event interface{ event() }

// Request says that a source is asked for a metadata file.
type Request struct {
	Repository string // empty for a client of one repository
	Source     string // the name of the source
	Role       string
	Version    int64  // 0 for the timestamp
	Path       string // relative to the source's base URL
	Ahead      bool   // the file may not be needed (verify.Request.Ahead)
}

// Answer says what came of a Request: each has one. That a body came does not
// mean that it is good: Rejected follows if it is not. If the request was
// cancelled, Err is what the source returned then.
type Answer struct {
	Request
	Bytes   int           // of the body
	Elapsed time.Duration // from the request to the end of the body
	Err     error         // why there is no body; it wraps verify.ErrNotAtSource for a file that does not exist
}

// Rejected says that a source sent a file that is wrong. The request has gone
// to another source, if there is one.
type Rejected struct {
	Request
	Err error // a *verify.RejectError, mostly
}

// Searched says what came of a Find: each has one. A file that is found again
// while it is downloaded has another one.
type Searched struct {
	Path string // the target path
	// Trail is the delegations that the search has followed (verify.Lookup), or
	// Entries those of the map (multirepo.Lookup) for a client of several
	// repositories. Both are empty if there was no view to search in.
	Trail   []verify.Step
	Entries []multirepo.Step
	Err     error // that of Find; nil: it is found
}

// Saved says that a trusted file lies in the store.
type Saved struct {
	Repository string
	Role       string
	Version    int64
	StoreName  string
	Bytes      int
}

// Progress says how much of a target has come. Done counts from 0 again if the
// target is fetched anew.
type Progress struct {
	Path        string // the target path
	Done, Total int64  // in bytes
}

// MirrorFailed says that a mirror did not have the right file of a target. The
// next mirror is asked, if there is one. Err wraps verify.ErrHash or
// verify.ErrLength if the mirror sent wrong bytes.
type MirrorFailed struct {
	Path string // the target path
	Err  *verify.SourceError
}

// ViewChanged says that an update succeeded. Old is nil for the first one. The
// versions may be the same: then the repository published nothing.
type ViewChanged struct{ Old, New *View }

// ExpiryAhead says that the view in use expires soon, and that no update has
// brought a newer one: Config.WarnAhead before it expires, and once more when
// it has expired. Only Client.Watch sends it.
type ExpiryAhead struct {
	Expires time.Time
	Left    time.Duration // zero or less: it has expired
	Err     error         // why the last update failed; nil if it succeeded, and the repository has nothing newer
}

// Warning is what did not stop anything but should be shown or logged: a
// warning of an update (verify.Session.Warnings), an update that failed while
// the last view is good, a folder of another repository that was set aside.
type Warning struct {
	Err error
}

func (Request) event()      {}
func (Answer) event()       {}
func (Rejected) event()     {}
func (Searched) event()     {}
func (Saved) event()        {}
func (Progress) event()     {}
func (MirrorFailed) event() {}
func (ViewChanged) event()  {}
func (ExpiryAhead) event()  {}
func (Warning) event()      {}

func requestEvent(req verify.Request, source string) Request {
	return Request{
		Repository: req.Repository, Source: source, Role: req.Role, Version: req.Version, Path: req.Path, Ahead: req.Ahead,
	}
}
