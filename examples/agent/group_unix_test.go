//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll kills the keeper and the worker at once, as when the power fails.
func (r *running) killAll() {
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	r.ends()
}
