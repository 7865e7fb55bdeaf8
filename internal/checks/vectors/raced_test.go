//go:build race

package main

// raced says that the race detector is on: the clients that the tests run are
// programs of their own, and nothing of theirs would be seen.
const raced = true
