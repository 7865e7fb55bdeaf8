//go:build !(js && wasm)

// Command wasm is tufwalk for a web page. Compiled with GOOS=js GOARCH=wasm, it
// answers the messages of docs/embedding.md. The program in the directory above
// compiles and serves it. page/tufwalk.js is the other side of the bridge.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "wasm: for web pages only: build it with GOOS=js GOARCH=wasm, or run ./examples/browser")
	os.Exit(2)
}
