//go:build !unix

package client

// Such flags are there on Unix only. Elsewhere Lstat has to do.
const noFollow, doNotWait = 0, 0
