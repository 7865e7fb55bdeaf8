// Command async downloads many files from a TUF repository at once, with full
// control of the network: several mirrors, bounds on what goes on at once, a
// bearer token, proxies, time limits, retries, and downloads that go on where
// they stopped.
//
//	go run ./examples/async
//
// Without arguments, as here, it demonstrates itself on a repository that it
// makes up and serves from three mirrors on this machine: an honest one, a
// liar, and a slow and flaky one.
//
// It is written on Session.Next, Provide, NotFound and Fail, not on Run. One
// goroutine owns the session (session.go); workers fetch metadata (session.go)
// and targets (fetch.go, part.go) with one client (client.go), from mirrors
// that are remembered for what they did (mirrors.go).
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

const description = `Download files from a TUF repository: many at once, from several mirrors, and on from where an earlier run stopped.

Without any arguments: a demonstration. A mirror that serves a wrong file is named at the end, and asked last from then on; the file comes
from the next one.

Exit code 0: every target is in place. 1: some are not. 2: wrong usage. 130: interrupted.`

func main() { cli.Main(run) }

// run is the program: results go to stdout; progress, warnings and errors to
// stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		var stop func()
		var err error
		if args, stop, err = demo(stdout); err != nil {
			fmt.Fprintf(stderr, "async: %v\n", err)
			return 1
		}
		defer stop()
	}
	d := &downloader{stdout: stdout, stderr: stderr}
	command, code := cli.Parse(d, "async", description, args, stdout, stderr)
	if command == nil {
		return code
	}
	limited, cancel := context.WithTimeoutCause(ctx, d.Timeout, fmt.Errorf("out of time: --timeout is %s", d.Timeout))
	defer cancel()
	return cli.End(ctx, d.run(limited), "async", "nothing unverified has a target's name, and the next run goes on from here", stderr)
}
