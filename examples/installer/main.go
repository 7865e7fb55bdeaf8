// Command installer installs files from a TUF repository, and shows why they
// are trusted.
//
// Without arguments it is a demonstration: it creates a repository and serves
// it on this machine.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

var commandLine = cli.Program{
	Name: "installer",
	Description: `Install files from a TUF repository, and show why they are trusted.

Without arguments: a demonstration. Mirrors are asked in the given order; if one
fails or serves a wrong file, the next one is asked. Nothing is installed unless
the repository lists all targets.

Exit code 0: every target is installed. 1: some or all are not. 2: wrong usage.
130: interrupted.`,
	Help: map[string]string{
		"metadata": "Base URL of the metadata. Repeat it for more mirrors. All of them must be up.",
		"targets":  "Base URL of the target files. Repeat it for more mirrors.",
		"cache":    "Directory for metadata (default: one for each repository, in your cache).",
	},
}

func main() { cli.Main(run) }

// run is the program. Results go to stdout; progress, warnings and errors go to
// stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	in := &installer{stdout: stdout, stderr: stderr}
	work := func() error { return demo(ctx, in) }
	if len(args) > 0 {
		command, code := commandLine.Parse(in, args, stdout, stderr)
		if command == nil {
			return code
		}
		work = func() error {
			ctx, cancel := context.WithTimeout(ctx, in.Timeout)
			defer cancel()
			return in.run(ctx)
		}
	}
	return commandLine.End(ctx, work(), "every installed file is verified", stderr)
}
