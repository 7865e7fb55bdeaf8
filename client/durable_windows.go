package client

import (
	"errors"
	"syscall"
)

const errSharingViolation = syscall.Errno(32)

// isBusy says that another program has the file open.
func isBusy(err error) bool {
	return errors.Is(err, errSharingViolation) || errors.Is(err, syscall.ERROR_ACCESS_DENIED)
}
