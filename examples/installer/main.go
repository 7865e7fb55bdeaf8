// Command installer installs files from a TUF repository, and shows why they
// are to be trusted.
//
// Without arguments it demonstrates itself on a repository that it makes up and
// serves on this machine.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

const description = `Install files from a TUF repository, and show why they are to be trusted.

Without any arguments: a demonstration. Mirrors are asked in the order given; what one gets wrong is asked of the next. Nothing is installed
unless all targets are known to the repository.

Exit code 0: every target is in place. 1: some are not, or none. 2: wrong usage. 130: interrupted.`

func main() { cli.Main(run) }

// run is the program: results go to stdout; progress, warnings and errors to
// stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	in := &installer{stdout: stdout, stderr: stderr}
	work := func() error { return demo(ctx, in) }
	if len(args) > 0 {
		command, code := cli.Parse(in, "installer", description, args, stdout, stderr)
		if command == nil {
			return code
		}
		work = func() error {
			ctx, cancel := context.WithTimeout(ctx, in.Timeout)
			defer cancel()
			return in.run(ctx)
		}
	}
	return cli.End(ctx, work(), "installer", "nothing unverified was left under a target's name", stderr)
}
