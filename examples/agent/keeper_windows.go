package main

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// give gives a worker the end of a pipe, and returns what the worker knows it by:
// an inherited handle has the same number there.
func give(cmd *exec.Cmd, pipe *os.File) string {
	handle := syscall.Handle(pipe.Fd())
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{handle}}
	return strconv.FormatUint(uint64(handle), 10)
}

// closeOnExec does nothing: a process inherits only the handles that it is given.
func closeOnExec(uintptr) {}
