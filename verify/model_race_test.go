//go:build race

package verify_test

// The race detector is slow, and a history has one goroutine.
func init() { fewHistories = 150 }
