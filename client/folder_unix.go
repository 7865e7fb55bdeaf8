//go:build unix

package client

import "syscall"

// Opening a link fails, and opening a pipe does not wait for its other end.
const (
	noFollow  = syscall.O_NOFOLLOW
	doNotWait = syscall.O_NONBLOCK
)
