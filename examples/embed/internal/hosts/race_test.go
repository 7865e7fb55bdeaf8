//go:build race

package hosts_test

func init() { underRace = true }
