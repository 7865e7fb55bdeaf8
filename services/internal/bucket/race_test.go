//go:build race

package bucket

func init() { someInterleavings = 50 }
