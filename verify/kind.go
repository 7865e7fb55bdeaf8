package verify

import "fmt"

// Kind is what a program can do about an error. The table in the package's
// documentation has what each kind means.
type Kind int

// The kinds of errors. Of an error of several kinds, the last one in this list
// counts.
const (
	KindUnknown     Kind = iota // nil, and errors that are not the library's
	KindUnreachable             // no source had the file, or could be asked
	KindLimit                   // a limit was reached
	KindExpired                 // what there is has expired, or our clock is wrong
	KindRollback                // a version went back
	KindWrongBytes              // a source sent something wrong
	KindNoTarget                // there is no such target, for certain
	KindUncertain               // there seems to be none, but a mirror can have hidden it
	KindMistake                 // the caller's mistake
	KindStore                   // our own store, or where a target is written to
	KindSuperseded              // another process was ahead: begin again
)

var kinds = [...]string{
	"unknown", "unreachable", "limit", "expired", "rollback", "wrong bytes", "no target", "uncertain", "mistake", "store",
	"superseded",
}

// String returns the kind as the documentation has it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kinds[k]
}

// KindOf sorts an error of this library, whatever it is wrapped in. It looks at
// every error in the tree: if one source could not be asked and another one
// sent wrong bytes, the kind is KindWrongBytes. An error of another package has
// a kind if it has a method Kind that returns one, as those of package
// multirepo do.
func KindOf(err error) Kind {
	kind := kindOf(err)
	if e, ok := err.(*SourceError); ok { // whatever it says of itself, it is only a source
		return min(KindOf(e.Err), KindWrongBytes)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		kind = max(kind, KindOf(e.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			kind = max(kind, KindOf(err))
		}
	}
	return kind
}

// kindOf sorts an error without what it wraps.
func kindOf(err error) Kind {
	switch err {
	case ErrSuperseded:
		return KindSuperseded
	case ErrSave, ErrStoredFile:
		return KindStore
	case ErrTrustedRoot, ErrTime, ErrRequest, ErrPath, ErrPending, ErrInProgress, ErrUntrusted:
		return KindMistake
	case ErrUndecided, ErrUncertain:
		return KindUncertain
	case ErrNoTarget:
		return KindNoTarget
	case ErrThreshold, ErrVersion, ErrSyntax, ErrLength, ErrHash, ErrPolicy, ErrUnlisted:
		return KindWrongBytes
	case ErrRollback:
		return KindRollback
	case ErrExpired:
		return KindExpired
	case ErrLimit:
		return KindLimit
	case ErrNotAtSource, ErrUnconfirmed, ErrIncomplete:
		return KindUnreachable
	}
	switch e := err.(type) {
	case *FetchError:
		return KindUnreachable
	case *CopyError:
		if e.Writing {
			return KindStore
		}
		return KindUnreachable
	case *NoTargetError:
		if !e.Certain {
			return KindUncertain
		}
	case interface{ Kind() Kind }:
		return e.Kind()
	}
	return KindUnknown
}
