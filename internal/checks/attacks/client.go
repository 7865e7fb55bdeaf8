package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// client runs a program that takes the installer's arguments. The context ends
// when a user would have stopped the program.
type client func(ctx context.Context, args []string) result

// result is how a run of the client ended.
type result struct {
	code int // -1: it was killed, or did not start
	text string
	took time.Duration
	hung bool
}

// build builds the installer. The attacks are on the whole program, not on a
// part of it.
func build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "installer")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/tufwalk/tufwalk/examples/installer")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s\n(run this in a checkout of tufwalk)", err, bytes.TrimSpace(out))
	}
	return program, nil
}

// process runs a program as a process of its own: it may crash or hang, and the
// demonstration goes on.
func process(program string) client {
	return func(ctx context.Context, args []string) result {
		begin := time.Now()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		var text bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &text
		err := cmd.Run()
		r := result{
			code: -1,
			text: strings.TrimSpace(text.String()),
			took: time.Since(begin),
			hung: ctx.Err() != nil,
		}
		if cmd.ProcessState != nil {
			r.code = cmd.ProcessState.ExitCode()
		}
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			r.text = err.Error()
		}
		return r
	}
}
