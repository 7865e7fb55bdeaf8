package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The keeper and the worker are two processes of the same program. The worker
// does the work: it updates, installs the new version next to the program, and
// ends with exitNewVersion. The keeper starts what is there then. A good
// program has the program's name all the time, and so it starts again after a
// crash at any moment (but for one on Windows: see place).
//
// The worker has a pipe of its own to the keeper. It writes well there when it
// can update itself: a version that cannot could never be replaced. The keeper
// writes accepted to its stdin, and the program's own work begins. When its
// stdin ends, the keeper is gone, and the worker ends too. Its stdout and
// stderr are the program's.
//
// The keeper itself stays as it is until the service is started again. It has
// no network and no client, so there is little in it that needs an update.
const (
	exitNewVersion = 10
	well, accepted = "well\n", "accepted\n"

	next, refused, replaced = ".next", ".refused", ".replaced-" // for beside

	// Before a worker that should end is killed. If your own work needs more
	// time to end, give it more.
	timeToEnd = 2 * time.Second

	// The environment of a worker: the program's name, which the worker's own
	// file may not have yet, and the descriptor of the pipe to the keeper.
	envProgram, envPipe = "AGENT_PROGRAM", "AGENT_PIPE"
)

var errNewVersion = errors.New("there is a new version")

// live runs the program, and returns its exit code. It is the keeper, or the
// worker if a keeper has started it.
func live(ctx context.Context, c config) int {
	program, pipe := os.Getenv(envProgram), os.Getenv(envPipe)
	var err error
	if program == "" {
		err = keep(ctx, c)
	} else { // what the worker starts is no worker
		err = errors.Join(os.Unsetenv(envProgram), os.Unsetenv(envPipe))
		if err == nil {
			err = work(ctx, c, program, pipe)
		}
	}
	switch {
	case errors.Is(err, errNewVersion):
		return exitNewVersion
	case err == nil, ctx.Err() != nil:
		return 0
	}
	c.Log.Error("ended", "error", err)
	return 1
}

// keep runs the program, and its new versions if they are well. It ends when
// the worker ends: to start the service again is up to the service manager.
func keep(ctx context.Context, c config) error {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return err
	}
	_ = os.Remove(beside(program, refused)) // it may be well today
	leftover, _ := filepath.Glob(beside(program, replaced+"*"))
	for _, name := range leftover {
		_ = os.Remove(name)
	}
	for {
		w, err := start(ctx, program, program)
		if err != nil {
			return err
		}
		w.accept()
		for err = w.wait(); isNewVersion(err); err = w.wait() {
			if w, err = try(ctx, program, c.Patience); err != nil {
				break
			}
			c.Log.Info("the new version is well", "program", program)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.As(err, new(*notWellError)):
			return fmt.Errorf("the program ended: %w", err)
		}
		c.Log.Error("back to the old version", "error", err)
		if err := os.Rename(beside(program, next), beside(program, refused)); err != nil {
			return err
		}
	}
}

// try starts a new version, and gives it the program's name if it is well.
func try(ctx context.Context, program string, patience time.Duration) (*worker, error) {
	w, err := start(ctx, beside(program, next), program)
	if err != nil {
		return nil, &notWellError{err}
	}
	select {
	case <-w.well:
		err = place(program)
	case <-w.ended:
		err = fmt.Errorf("it ended at once: %w", w.err)
	case <-time.After(patience):
		err = fmt.Errorf("it did not say that it is well within %v", patience)
	}
	if err != nil {
		w.end()
		_ = w.wait()
		return nil, &notWellError{err}
	}
	w.accept()
	return w, nil
}

// notWellError says why a new version was not accepted.
type notWellError struct{ error }

func isNewVersion(err error) bool {
	exit := new(exec.ExitError)
	return errors.As(err, &exit) && exit.ExitCode() == exitNewVersion
}

// place replaces the program by its next version, in one step. Windows does not
// replace a program that runs: there, the old one gets another name first.
func place(program string) error {
	if runtime.GOOS != "windows" {
		return os.Rename(beside(program, next), program)
	}
	old := beside(program, replaced+rand.Text()) // the keeper still runs the first one
	if err := os.Rename(program, old); err != nil {
		return err
	}
	if err := os.Rename(beside(program, next), program); err != nil {
		return errors.Join(err, os.Rename(old, program))
	}
	return nil
}

// beside returns a name next to the program. On Windows a program needs .exe.
func beside(program, what string) string {
	name, isExe := strings.CutSuffix(program, ".exe")
	if isExe {
		return name + what + ".exe"
	}
	return program + what
}

// worker is a process that works.
type worker struct {
	stdin io.WriteCloser
	well  chan struct{} // closed when it says so
	ended chan struct{} // closed when it has ended
	err   error         // how; exit code 0 is an error too
	end   context.CancelFunc
}

// start starts a file as the worker of a program. The context ends it: first
// its stdin does, then it is killed.
func start(ctx context.Context, file, program string) (*worker, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close() // the worker has its own
	w := &worker{well: make(chan struct{}), ended: make(chan struct{})}
	ctx, w.end = context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, file, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = os.Stdout, os.Stderr, timeToEnd
	cmd.Env = append(os.Environ(), envProgram+"="+program, envPipe+"="+give(cmd, write))
	stdin, err := cmd.StdinPipe()
	if err == nil {
		w.stdin, cmd.Cancel = stdin, stdin.Close
		err = cmd.Start()
	}
	if err != nil {
		w.end()
		return nil, errors.Join(err, read.Close())
	}
	go w.listen(read)
	go func() {
		if w.err = cmd.Wait(); w.err == nil {
			w.err = errors.New("exit status 0")
		}
		w.end()
		close(w.ended)
	}()
	return w, nil
}

// listen waits until the worker says that it is well, and nothing else.
func (w *worker) listen(pipe io.ReadCloser) {
	defer pipe.Close()
	said := make([]byte, len(well))
	if _, err := io.ReadFull(pipe, said); err == nil && string(said) == well {
		close(w.well)
	}
}

// accept tells the worker that it is the program. If it cannot be told, it has
// ended.
func (w *worker) accept() { _, _ = io.WriteString(w.stdin, accepted) }

// wait waits for the end of the worker.
func (w *worker) wait() error {
	<-w.ended
	return w.err
}
