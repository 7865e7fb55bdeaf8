// Package hosts builds the library for programs in other languages, and runs
// the WebAssembly module in Go.
package hosts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const embed = "github.com/tufwalk/tufwalk/examples/embed/"

// BuildModule compiles the WebAssembly module into a directory, and returns its
// file.
func BuildModule(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "tufwalk.wasm")
	return file, build(ctx, file, embed+"reactor", "GOOS=wasip1", "GOARCH=wasm")
}

// BuildLibrary compiles the C library into a directory, and returns its file.
// It needs a C compiler.
func BuildLibrary(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "libtufwalk.so")
	return file, build(ctx, file, embed+"clib", "CGO_ENABLED=1")
}

func build(ctx context.Context, file, of string, environment ...string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared", "-o", file, of)
	cmd.Env = append(append(os.Environ(), "GOFLAGS="), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", of, err, strings.TrimSpace(string(out)))
	}
	return nil
}
