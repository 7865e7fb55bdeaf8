//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// foreign says whether a file is another user's, or has more than one name.
func foreign(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (s.Nlink > 1 || int(s.Uid) != os.Geteuid())
}
