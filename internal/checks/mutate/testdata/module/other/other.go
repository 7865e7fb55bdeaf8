// Package other is tested by nobody but itself, and imports limits.
package other

import "example.com/limits"

func Both(n int) bool { return limits.Within(n, 3) && n != 2 }
