package verify

import (
	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Why a file is rejected or an update fails: errors of the packages that this
// one is built on, under names of its own, so that a caller needs to import no
// other.
var (
	// ErrSyntax is returned (wrapped) for a file that is not well-formed.
	ErrSyntax = metadata.ErrSyntax
	// ErrThreshold is returned (wrapped) when too few keys of a role have
	// signed.
	ErrThreshold = roles.ErrThreshold
	// ErrVersion is returned (wrapped) for a version other than the wanted one.
	ErrVersion = roles.ErrVersion
	// ErrRollback is returned (wrapped) when a version goes back.
	ErrRollback = roles.ErrRollback
	// ErrExpired is returned (wrapped) for a file that has expired.
	ErrExpired = roles.ErrExpired
	// ErrLength is returned (wrapped) for a file that is too long or too short.
	ErrLength = roles.ErrLength
	// ErrHash is returned (wrapped) for a file that does not have its hash.
	ErrHash = roles.ErrHash
	// ErrPolicy is returned (wrapped) when a strict option of Policy refuses a
	// file.
	ErrPolicy = roles.ErrPolicy
	// ErrNoTarget says that a search is complete and no role lists the target.
	ErrNoTarget = delegation.ErrNoTarget
	// ErrLimit is returned (wrapped) when a limit is reached: the question is
	// not decided.
	ErrLimit = delegation.ErrLimit
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
