package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// mistake is an error of the program that uses this package.
type mistake string

func (e mistake) Error() string     { return string(e) }
func (e mistake) Kind() verify.Kind { return verify.KindMistake }

var (
	// ErrClosed is returned (wrapped) by a client that is closed.
	ErrClosed error = mistake("the client is closed")
	// ErrConfig is returned (wrapped) by Open for a Config that cannot be
	// right: see ConfigError.
	ErrConfig error = mistake("configuration")
	// ErrContradiction is returned (wrapped) when the network has another chain
	// of roots than the store: see ContradictionError.
	ErrContradiction = errors.New("the chain of roots contradicts a saved root")
	// ErrOffline is returned (wrapped) when an offline client is to download
	// something.
	ErrOffline error = mistake("the client is offline")
	// ErrSetAside is returned (wrapped), as a warning, when the folder had the
	// store of another repository: see SetAsideError.
	ErrSetAside = errors.New("the folder had the store of another repository")
)

// ConfigError says what is wrong with a Config. It wraps ErrConfig and Err.
type ConfigError struct {
	Repository string // of Config.Repositories; empty if it is not about one
	Field      string
	Err        error
}

func (e *ConfigError) Error() string {
	field := e.Field
	if e.Repository != "" {
		field = fmt.Sprintf("Repositories[%q].%s", e.Repository, field)
	}
	return fmt.Sprintf("%v: %s: %v", ErrConfig, field, e.Err)
}

func (e *ConfigError) Unwrap() []error { return []error{ErrConfig, e.Err} }

// ExpiredError says that an answer has expired, and that no newer one is
// available. It wraps verify.ErrExpired and Err.
type ExpiredError struct {
	Path    string // the target path
	Expires time.Time
	Now     time.Time
	Err     error // why the update failed; nil if it succeeded
}

func (e *ExpiredError) Error() string {
	text := fmt.Sprintf("%q: the answer %v at %s, it is %s now", e.Path, verify.ErrExpired,
		e.Expires.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339))
	if e.Err != nil {
		text += fmt.Sprintf(" (no newer one: %v)", e.Err)
	}
	return text
}

func (e *ExpiredError) Unwrap() []error {
	if e.Err == nil {
		return []error{verify.ErrExpired}
	}
	return []error{verify.ErrExpired, e.Err}
}

// ContradictionError says that the roots from the network do not lead to the
// root that is saved. Either somebody signs with old root keys that were
// stolen, or the store belongs to a repository that was founded anew. It wraps
// ErrContradiction and Err.
type ContradictionError struct {
	Repository string
	// Folder is where the saved root is; empty for another kind of store.
	Folder string
	Err    error // a *verify.StoredRootError or what the files' signatures lack
}

func (e *ContradictionError) Error() string {
	where := "the store"
	if e.Folder != "" {
		where = metadata.Printable(e.Folder)
	}
	return fmt.Sprintf("%v in %s: %v (old root keys may be stolen: ask the repository's operators; "+
		"if they have founded it anew, Client.Forget begins a new store)", ErrContradiction, where, e.Err)
}

func (e *ContradictionError) Unwrap() []error { return []error{ErrContradiction, e.Err} }

// SetAsideError says that a folder had the store of another repository, and
// where that is now. It wraps ErrSetAside.
type SetAsideError struct {
	Repository string
	Folder     string
	SetAside   string // the absolute path of the folder that has it now
}

func (e *SetAsideError) Error() string {
	return fmt.Sprintf("%s: %v: it is set aside in %s", metadata.Printable(e.Folder), ErrSetAside,
		metadata.Printable(e.SetAside))
}

func (e *SetAsideError) Unwrap() error { return ErrSetAside }

// Kind is for verify.KindOf.
func (e *SetAsideError) Kind() verify.Kind { return verify.KindStore }
