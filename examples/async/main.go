// Command async downloads many files from a TUF repository at once. It has full
// control of the network: several mirrors, limits on parallel requests, a
// bearer token, proxies, time limits, retries, and downloads that resume where
// they stopped.
//
//	go run ./examples/async
//
// Without arguments it is a demonstration: it creates a repository and serves
// it from three mirrors on this machine: an honest one, a liar, and a slow and
// flaky one.
//
// It calls Session.Next, Provide, NotFound and Fail, not Run. One goroutine
// owns the session (session.go). Workers fetch metadata (session.go) and
// targets (fetch.go, part.go) with one client (client.go), from mirrors whose
// answers are counted (mirrors.go).
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

const description = `Download files from a TUF repository: many at once, from several mirrors, and
resuming where an earlier run stopped.

Without arguments: a demonstration. A mirror that serves a wrong file is named at
the end, and asked last from then on. The next mirror is asked for the file.

Exit code 0: every target is in place. 1: some are not. 2: wrong usage. 130:
interrupted.`

func main() { cli.Main(run) }

// run is the program. Results go to stdout; progress, warnings and errors go to
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
	command, code := commandLine.Parse(d, args, stdout, stderr)
	if command == nil {
		return code
	}
	limited, cancel := context.WithTimeoutCause(ctx, d.Timeout, fmt.Errorf("out of time: --timeout is %s", d.Timeout))
	defer cancel()
	return commandLine.End(ctx, d.run(limited), "every file in place is verified, and the next run resumes here", stderr)
}
