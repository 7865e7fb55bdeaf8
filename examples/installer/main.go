// Command installer installs files from a TUF repository, and shows why they are to be trusted.
//
// Without arguments it demonstrates itself on a repository that it makes up and serves on this machine.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/alecthomas/kong"
)

const description = `Install files from a TUF repository, and show why they are to be trusted.

Without any arguments: a demonstration. Mirrors are asked in the order given; what one gets wrong is asked of the next. Nothing is installed
unless all targets are known to the repository.

Exit code 0: every target is in place. 1: some are not, or none. 2: wrong usage. 130: interrupted.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: results go to stdout; progress, warnings and errors to stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	in := &installer{stdout: stdout, stderr: stderr}
	work := func() error { return demo(ctx, in) }
	if len(args) > 0 {
		helped := false
		parser := kong.Must(in, kong.Name("installer"), kong.Description(description), kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
		_, err := parser.Parse(twoDashes(args))
		switch {
		case helped:
			return 0
		case err != nil:
			fmt.Fprintf(stderr, "installer: %v\nSee installer --help.\n", err)
			return 2
		}
		work = func() error {
			ctx, cancel := context.WithTimeout(ctx, in.Timeout)
			defer cancel()
			return in.run(ctx)
		}
	}
	err := work()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "installer: interrupted; nothing unverified was left under a target's name")
		return 130
	}
	fmt.Fprintf(stderr, "installer: %s\n", strings.ReplaceAll(printable(err.Error()), "\n", "\n  "))
	return 1
}

// printable keeps the names that a repository gives its roles, and what a server answers, from commanding the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// twoDashes lets those who are used to package flag write -at for --at.
func twoDashes(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if a == "--" { // only targets follow
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			out[i] = "-" + a
		}
	}
	return out
}
