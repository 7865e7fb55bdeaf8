//go:build !unix

package main

import "io/fs"

// foreign is for systems that have such files.
func foreign(fs.FileInfo) bool { return false }
