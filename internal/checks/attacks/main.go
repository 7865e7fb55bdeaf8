// Command attacks shows what happens to an installer built on tufwalk when it
// is attacked.
//
//	go run ./internal/checks/attacks
//	go run ./internal/checks/attacks --only rollback -v
//
// It builds examples/installer, makes repositories up, serves them on this
// machine from a mirror that does everything that the TUF specification warns
// of, and prints what the installer saw, what it said, and what was left on its
// disk. Some of the attackers hold the mirror alone; others are thieves who
// have some of the repository's keys as well. The first row is an honest
// mirror, which has to succeed: where everything is refused, refusing proves
// nothing.
//
// The attacks are in forging.go, replaying.go, sending.go, stealing.go,
// depending.go and poisoning.go; stage.go is what they are told with, and
// verdict.go decides who won.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tufwalk/tufwalk/internal/checks/cli"
)

const description = `Attack the installer of examples/installer in every way that the TUF specification names, over HTTP on this machine, and show what comes of it.

Exit code 0: the honest mirror succeeded, and no attack did. 1: otherwise. 2: wrong usage. 130: interrupted.`

// options are the command line.
type options struct {
	Only      string `placeholder:"NAME" help:"Only this attack, such as rollback or mix-and-match."`
	Verbose   bool   `short:"v" help:"Tell each attack as a story, step by step."`
	Installer string `placeholder:"FILE" type:"existingfile" help:"Attack this program, which takes the installer's arguments, instead of building the installer."`
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	code, ok := cli.Parse(&o, "attacks", description, args, stdout, stderr)
	if !ok {
		return code
	}
	chosen, err := choose(o.Only)
	if err != nil {
		fmt.Fprintf(stderr, "attacks: %v\n", err)
		return cli.Usage
	}
	dir, err := os.MkdirTemp("", "tufwalk-attacks-")
	if err != nil {
		return cli.End(ctx, err, "attacks", "", stderr)
	}
	defer os.RemoveAll(dir)
	program := o.Installer
	if program == "" {
		fmt.Fprintln(stdout, "Building examples/installer ...")
		if program, err = build(ctx, dir); err != nil {
			return cli.End(ctx, err, "attacks", "nothing was shown", stderr)
		}
	}
	return cli.End(ctx, show(ctx, chosen, o.Verbose, process(program), dir, stdout), "attacks", "the demonstration is not complete", stderr)
}
