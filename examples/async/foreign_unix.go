//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// foreign reports whether a file belongs to another user, or has more than one
// name.
func foreign(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (s.Nlink > 1 || int(s.Uid) != os.Geteuid())
}
