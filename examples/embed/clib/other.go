//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "clib: build it with CGO_ENABLED=1 go build -buildmode=c-shared")
	os.Exit(2)
}
