// Command pypi installs Python packages from an index that is secured with PEP
// 458 and PEP 480. It does what pip install would do.
//
//	go run ./examples/pypi
//
// Without arguments it is a demonstration: it creates an index and serves it on
// this machine.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "pypi",
	Description: `Install Python packages, and what they require, from an index with TUF metadata
(PEP 458, PEP 480).

Without --root, the program creates an index with 16,384 hashed bins and serves it
on this machine. Without arguments, it installs a few packages of that index.
"Install" means: put verified wheels into a folder. A real installer unpacks them
next.

Exit code 0: all packages are in place. 1: some are not. 2: wrong usage. 130:
interrupted.`,
	Help: help,
}

type commands struct {
	Install installer `cmd:"" help:"Install packages and what they require."`
}

func main() { cli.Main(run) }

// run is the program. Results go to stdout; progress, warnings and errors go to
// stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	demo := len(args) == 0
	if demo {
		args = append([]string{"install"}, demoPackages...)
	}
	it := commands{Install: installer{stdout: stdout, stderr: stderr, demo: demo}}
	command, code := commandLine.Parse(&it, args, stdout, stderr)
	if command == nil {
		return code
	}
	limited, cancel := context.WithTimeout(ctx, it.Install.Timeout)
	defer cancel()
	return commandLine.End(ctx, it.Install.run(limited), "no wheel is in place that was not checked", stderr)
}
