// Package counted has a test that counts allocations. It fails if code is added
// to the package.
package counted

func Small(n int) bool { return n < 10 }
