//go:build race

package main

// raced says that the race detector is on: the go commands that the tests run
// are slow then, and have nothing to race.
const raced = true
