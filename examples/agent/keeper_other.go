//go:build !windows

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// give gives a worker the end of a pipe, and returns the worker's number of it.
func give(cmd *exec.Cmd, pipe *os.File) string {
	cmd.ExtraFiles = []*os.File{pipe}
	return "3" // after stdin, stdout and stderr
}

// closeOnExec keeps a descriptor from the processes that this one starts.
func closeOnExec(descriptor uintptr) { syscall.CloseOnExec(int(descriptor)) }
