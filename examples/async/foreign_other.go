//go:build !unix

package main

import "io/fs"

// foreign has a meaning on Unix only.
func foreign(fs.FileInfo) bool { return false }
