//go:build !windows

package progress

import "os"

// understands says whether a terminal obeys escape sequences.
func understands(*os.File) bool { return os.Getenv("TERM") != "dumb" }
