//go:build race

package main

// raced says that the race detector is on. Tests with real clients are left out
// then: the gate has its own, and the clients take most of the time.
const raced = true
