// Command attacks shows what happens to an installer built on tufwalk when it
// is attacked.
//
//	go run ./internal/checks/attacks
//	go run ./internal/checks/attacks --only rollback -v
//
// It builds examples/installer, makes up repositories, and serves them on this
// machine from a mirror that carries out every attack that the TUF
// specification names. It prints what the installer asked for, what it said,
// and what was left on its disk. Some attackers control only the mirror; others
// also have some of the repository's keys. The first row is an honest mirror,
// which must succeed: a client that refuses everything would prove nothing.
//
// The attacks are in forging.go, replaying.go, sending.go, stealing.go,
// depending.go and poisoning.go. They are written with the methods in stage.go,
// and outcome.go decides who won.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tufwalk/tufwalk/internal/cli"
)

const description = `Attack the installer of examples/installer in every way that the TUF specification names,
over HTTP on this machine, and show the outcome of each attack.

Exit code 0: the honest mirror succeeded, and no attack did. 1: otherwise. 2: wrong usage. 130: interrupted.`

// options are the command line.
type options struct {
	Only      string `placeholder:"NAME" help:"Only this attack, such as rollback or mix-and-match."`
	Verbose   bool   `short:"v" help:"Show each attack step by step."`
	Installer string `placeholder:"FILE" type:"existingfile" help:"Attack this program instead of the installer."`
}

var commandLine = cli.Program{Name: "attacks", Description: description}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	chosen, err := choose(o.Only)
	if err != nil {
		fmt.Fprintf(stderr, "attacks: %v\n", err)
		return cli.Usage
	}
	dir, err := os.MkdirTemp("", "tufwalk-attacks-")
	if err != nil {
		return commandLine.End(ctx, err, "", stderr)
	}
	defer os.RemoveAll(dir)
	program := o.Installer
	if program == "" {
		fmt.Fprintln(stdout, "Building examples/installer ...")
		if program, err = build(ctx, dir); err != nil {
			return commandLine.End(ctx, err, "no attack was made", stderr)
		}
	}
	err = show(ctx, chosen, o.Verbose, process(program), dir, stdout)
	return commandLine.End(ctx, err, "the demonstration is not complete", stderr)
}
