package main

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// give gives a worker the end of a pipe, and returns the worker's number of it:
// an inherited handle has the same one there.
func give(cmd *exec.Cmd, pipe *os.File) string {
	handle := syscall.Handle(pipe.Fd())
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{handle}}
	return strconv.FormatUint(uint64(handle), 10)
}

// closeOnExec does nothing: a process inherits only what it is given.
func closeOnExec(uintptr) {}
