//go:build !linux

package bucket

import "io/fs"

func identityOf(info fs.FileInfo) identity {
	return identity{size: info.Size(), modTime: info.ModTime().UnixNano()}
}
