//go:build unix

package client

import (
	"io/fs"
	"os"
	"syscall"
)

// shared says whether somebody else may write to a file: it belongs to another
// user but root, or has another name too.
func shared(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (s.Nlink > 1 || s.Uid != 0 && int(s.Uid) != os.Geteuid())
}
