// Command multirepo installs files from several TUF repositories. A TAP 4 map
// says which repositories are asked for which files, and how many must agree.
//
// Without arguments it is a demonstration: it creates a private and a public
// repository and serves them on this machine.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

var commandLine = cli.Program{
	Name: "multirepo",
	Description: `Install files from several TUF repositories. A TAP 4 map says which repositories
are asked for which files, and how many must agree.

Without arguments: a demonstration. The map lists the repositories and the base
URLs of each, which have metadata/ and targets/ below them. All mirrors of a
repository must be up for its metadata. Nothing is installed unless all targets
can be trusted.

Exit code 0: every target is in place. 1: some or all are not. 2: wrong usage.
130: interrupted.`,
	Help: map[string]string{
		"map":   "The TAP 4 map. Get it, like the root files, from a place that you trust.",
		"roots": "The root file that you trust for a repository of the map. Repeat it: one for each.",
		"cache": "Directory for metadata, with a folder for each repository (default: in your cache).",
	},
}

func main() { cli.Main(run) }

// run is the program. Results go to stdout; warnings and errors go to stderr.
// It returns the exit code.
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
