package bucket

import (
	"io/fs"
	"syscall"
)

// identityOf also has when the file's content or anything about it was changed,
// which only the system sets.
func identityOf(info fs.FileInfo) identity {
	id := identity{size: info.Size(), modTime: info.ModTime().UnixNano()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		id.device, id.inode, id.changed = uint64(s.Dev), s.Ino, s.Ctim.Nano()
	}
	return id
}
