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
// when nobody would wait for it any longer.
type client func(ctx context.Context, args []string) outcome

// outcome is how a run of the client ended.
type outcome struct {
	code int // -1: it was killed, or never began
	text string
	took time.Duration
	hung bool
}

// build builds the installer: the very program, not a part of it, is what is
// attacked.
func build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "installer")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/tufwalk/tufwalk/examples/installer")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s\n(run it in a checkout of tufwalk, where the sources are)", err, bytes.TrimSpace(out))
	}
	return program, nil
}

// process runs a program as a process of its own, which may crash or hang
// without harm to the demonstration.
func process(program string) client {
	return func(ctx context.Context, args []string) outcome {
		begin := time.Now()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		var text bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &text
		err := cmd.Run()
		o := outcome{code: -1, text: strings.TrimSpace(text.String()), took: time.Since(begin), hung: ctx.Err() != nil}
		if cmd.ProcessState != nil {
			o.code = cmd.ProcessState.ExitCode()
		}
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			o.text = err.Error()
		}
		return o
	}
}
