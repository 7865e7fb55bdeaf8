package verify

import (
	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Why a file is rejected or an update fails. These are errors of the packages
// below this one; with the names here a caller needs to import no other.
var (
	// ErrNoTarget is returned (wrapped) when a search is complete and no role
	// lists the target.
	ErrNoTarget = delegation.ErrNoTarget
	// ErrExpired is returned (wrapped) when a file has expired.
	ErrExpired = roles.ErrExpired
	// ErrRollback is returned (wrapped) when a version is lower than one that
	// was trusted before.
	ErrRollback = roles.ErrRollback
	// ErrLimit is returned (wrapped) when a limit is reached. The question is
	// then undecided.
	ErrLimit = delegation.ErrLimit
	// ErrThreshold is returned (wrapped) when too few keys of a role have
	// signed a file.
	ErrThreshold = roles.ErrThreshold
	// ErrVersion is returned (wrapped) when a file has another version than
	// the wanted one.
	ErrVersion = roles.ErrVersion
	// ErrSyntax is returned (wrapped) when a file is not well-formed.
	ErrSyntax = metadata.ErrSyntax
	// ErrLength is returned (wrapped) when a file is too long or too short.
	ErrLength = roles.ErrLength
	// ErrHash is returned (wrapped) when a file does not have its hash.
	ErrHash = roles.ErrHash
	// ErrUntrusted is returned (wrapped) for a zero value, which nobody has
	// verified.
	ErrUntrusted = roles.ErrUntrusted
	// ErrPolicy is returned (wrapped) when a strict option of Policy refuses a
	// file.
	ErrPolicy = roles.ErrPolicy
)

// The same errors with their fields.
type (
	SyntaxError    = metadata.SyntaxError
	ThresholdError = roles.ThresholdError
	RollbackError  = roles.RollbackError
	ExpiredError   = roles.ExpiredError
	LengthError    = roles.LengthError
	HashError      = roles.HashError
)
