package main

import (
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
)

// Exit codes of bundle check and bundle confirm. The worst outcome of all files
// is the exit code, and a higher one is worse.
const (
	notListed = 4 // the newest known state does not list the file
	goneBack  = 5 // only a state that is older than the saved one lists these bytes
	wrong     = 6 // the bytes are not those that are listed
	withdrawn = 7 // listed when it was recorded, and not any more
	badClock  = 8 // the time is before one that was seen
)

// OutcomeError says why a file is not simply good. Code is one of the exit
// codes.
type OutcomeError struct {
	Path string
	Code int
	Err  error
}

func (e *OutcomeError) Error() string {
	return fmt.Sprintf("%s: %s: %v", metadata.Printable(e.Path), outcomes[e.Code], e.Err)
}

func (e *OutcomeError) Unwrap() error { return e.Err }

var outcomes = map[int]string{
	stale:     "authentic but stale",
	notListed: "not listed",
	goneBack:  "gone back",
	wrong:     "wrong bytes",
	withdrawn: "withdrawn",
}

// ClockError says that the time is before one at which files were checked.
type ClockError struct{ At, Seen time.Time }

func (e *ClockError) Error() string {
	return fmt.Sprintf("clock suspicious: it is %s,\nand files were checked at %s already",
		e.At.UTC().Format(time.RFC3339), e.Seen.UTC().Format(time.RFC3339))
}
