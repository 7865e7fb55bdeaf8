package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/examples/internal/loopback"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// demo publishes versions of this program, and shows what an agent does.
func demo(ctx context.Context, stdout io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	one, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tufwalk-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// A program with a few more bytes at its end is another one, which works.
	two, three := append(one[:len(one):len(one)], "version 2\n"...), []byte("This is no program.\n")

	fmt.Fprintf(stdout, "No arguments, so this is a demonstration.\n"+
		"Version 1 is build %s, version 2 is %s, version 3 is broken.\n", buildOf(one), buildOf(two))
	repo := verifytest.New(verifytest.Options{Start: time.Now(), Seed: "demo"})
	server := clienttest.NewServer(nil)
	publish := func(program []byte) {
		repo.Targets().AddTarget("agent", program)
		repo.Publish()
		server.Publish(repo)
	}
	publish(one)
	base, stop, err := loopback.Serve(server)
	if err != nil {
		return err
	}
	defer stop()

	program, root := filepath.Join(dir, "agent"), filepath.Join(dir, "root.json")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := errors.Join(os.WriteFile(program, one, 0o755), os.WriteFile(root, repo.TrustedRoot(), 0o600)); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nAn agent of version 1 is started. Its log:\n")
	log, end, err := startDemo(ctx, program, "--root", root, "--metadata-url", base+"/metadata",
		"--targets-url", base+"/targets", "--listen", "127.0.0.1:0", "--every", "500ms", "--patience", "20s", "agent")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	if err := follow(stdout, dir, log, "up to date"); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nVersion 2 is published. It takes over when it is well:\n")
	publish(two)
	if err := follow(stdout, dir, log, "the new version is well"); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nVersion 3 is published. It does not start, so version 2 goes on:\n")
	publish(three)
	if err := follow(stdout, dir, log, "still the version that was not well"); err != nil {
		return err
	}
	now, err := os.ReadFile(program)
	fmt.Fprintf(stdout, "\nThe program on the disk is build %s, as before. Done.\n", buildOf(now))
	return err
}

// startDemo starts an agent, and returns its log.
func startDemo(ctx context.Context, program string, args ...string) (*bufio.Scanner, func() error, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = 2 * timeToEnd
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return bufio.NewScanner(stderr), func() error {
		cancel()
		_, _ = io.Copy(io.Discard, stderr)
		if err := cmd.Wait(); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}, nil
}

// follow shows the log up to a line that has the text, without what is long.
func follow(stdout io.Writer, dir string, log *bufio.Scanner, text string) error {
	for log.Scan() {
		_, line, _ := strings.Cut(log.Text(), " ") // the time
		line, _, _ = strings.Cut(line, " program=")
		line = strings.TrimPrefix(line, "level=")
		line = strings.ReplaceAll(line, dir+string(filepath.Separator), "")
		if len(line) > 76 {
			line = line[:73] + "..."
		}
		fmt.Fprintf(stdout, "  %s\n", line)
		if strings.Contains(line, text) {
			return nil
		}
	}
	return fmt.Errorf("the agent ended before it said: %s", text)
}
