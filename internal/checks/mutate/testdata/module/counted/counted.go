// Package counted has a test that counts allocations, and fails wherever more
// is compiled than what stands here.
package counted

func Small(n int) bool { return n < 10 }
