package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bridge is the package of the program that runs in the page.
const bridge = "github.com/tufwalk/tufwalk/examples/browser/wasm"

// program is the bridge, compiled for a page.
type program struct {
	wasm     []byte
	wasmExec []byte // Go's JavaScript, of the same version as the compiler
}

// compile compiles the bridge with the Go toolchain of this machine, so that
// the page always matches the sources.
func compile(ctx context.Context) (*program, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("the go command is missing, which compiles the page (see https://go.dev/dl): %w", err)
	}
	root, err := output(exec.CommandContext(ctx, tool, "env", "GOROOT"))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tufwalk-browser-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "bridge.wasm")
	build := exec.CommandContext(ctx, tool, "build", "-trimpath", "-ldflags=-s -w", "-o", file, bridge)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=")
	if _, err := output(build); err != nil {
		return nil, fmt.Errorf("%w\n(run the program in a checkout of tufwalk, which has the sources)", err)
	}
	var p program
	if p.wasm, err = os.ReadFile(file); err != nil {
		return nil, err
	}
	p.wasmExec, err = os.ReadFile(filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
	return &p, err
}

// output runs a command. The error has the command's standard error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args[:2], " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
