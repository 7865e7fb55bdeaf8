//go:build !unix

package client

import "io/fs"

// shared cannot be told here.
func shared(fs.FileInfo) bool { return false }
