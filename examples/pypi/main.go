// Command pypi installs Python packages from an index that is secured as PEP
// 458 and PEP 480 have it: what pip install would do.
//
// Without arguments it demonstrates itself on an index that it makes up and
// serves on this machine:
//
//	go run ./examples/pypi
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

const description = `Install Python packages, and what they need, from an index with TUF metadata (PEP 458, PEP 480).

Without --root, the index is one that is made up on the spot, with 16,384 hashed bins, and served on this machine; without any arguments, a few
of its packages are installed. "Installed" means that verified wheels are put into a folder; unpacking them is what a real installer does next.

Exit code 0: everything is in place. 1: something is not. 2: wrong usage. 130: interrupted.`

type commands struct {
	Install installer `cmd:"" help:"Install packages and what they need."`
}

func main() { cli.Main(run) }

// run is the program: results go to stdout; progress, warnings and errors to
// stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	demo := len(args) == 0
	if demo {
		args = append([]string{"install"}, demoPackages...)
	}
	it := commands{Install: installer{stdout: stdout, stderr: stderr, demo: demo}}
	command, code := cli.Parse(&it, "pypi", description, args, stdout, stderr)
	if command == nil {
		return code
	}
	limited, cancel := context.WithTimeout(ctx, it.Install.Timeout)
	defer cancel()
	return cli.End(ctx, it.Install.run(limited), "pypi", "nothing unverified was left under a package's name", stderr)
}
