//go:build !(js && wasm)

// Command wasm is tufwalk for a web page: compiled with GOOS=js GOARCH=wasm, it
// gives JavaScript a session's calls. The program in the directory above
// compiles and serves it; page/tufwalk.js is the other side of the bridge.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "This is for web pages: build it with GOOS=js GOARCH=wasm, or run the program in the directory above.")
	os.Exit(2)
}
