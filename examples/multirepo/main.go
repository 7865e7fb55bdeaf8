// Command multirepo installs files from several TUF repositories, as a TAP 4
// map says whose word counts for which of them.
//
// Without arguments it demonstrates itself on a private and a public repository
// that it makes up and serves on this machine.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

const description = `Install files from several TUF repositories, as a TAP 4 map says whose word counts for which of them.

Without any arguments: a demonstration. The map lists the repositories and, for each, base URLs under which there are metadata/ and targets/;
all mirrors of a repository have to be up for its metadata. Nothing is installed unless all targets can be trusted.

Exit code 0: every target is in place. 1: some are not, or none. 2: wrong usage. 130: interrupted.`

func main() { cli.Main(run) }

// run is the program: results go to stdout, warnings and errors to stderr. It
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	in := &installer{stdout: stdout, stderr: stderr}
	work := func() error { return demo(ctx, in) }
	if len(args) > 0 {
		command, code := cli.Parse(in, "multirepo", description, args, stdout, stderr)
		if command == nil {
			return code
		}
		work = func() error {
			ctx, cancel := context.WithTimeout(ctx, in.Timeout)
			defer cancel()
			return in.run(ctx)
		}
	}
	return cli.End(ctx, work(), "multirepo", "nothing unverified was left under a target's name", stderr)
}
