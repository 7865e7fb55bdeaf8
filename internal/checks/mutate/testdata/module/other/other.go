// Package other imports limits. No other package tests it.
package other

import "example.com/limits"

func Both(n int) bool { return limits.Within(n, 3) && n != 2 }
