// Package cli is what the command lines of the programs have in common.
package cli

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

// Exit codes: of a program that did what it should, of one that did not, of one
// that was used wrongly, and of one that was interrupted.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Interrupted = 130
)

// Main runs a program until it ends or is interrupted, which ends its context,
// and exits with its code.
func Main(run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends a program that does not listen
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Parse reads the arguments into a struct as package kong has it. If it returns
// no command, the program is to end with the code: help was asked for and
// given, or the usage is wrong and has been explained.
func Parse(into any, name, description string, args []string, stdout, stderr io.Writer) (command *kong.Context, code int) {
	helped := false
	parser := kong.Must(into, kong.Name(name), kong.Description(description), kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	command, err := parser.Parse(twoDashes(args))
	switch {
	case helped:
		return nil, OK
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\nSee %s --help.\n", name, err, name)
		return nil, Usage
	}
	return command, OK
}

// End reports how the program ended, and returns its exit code. The context is
// the one that an interruption ends.
func End(ctx context.Context, err error, name, interrupted string, stderr io.Writer) int {
	switch {
	case err == nil:
		return OK
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: interrupted; %s\n", name, interrupted)
		return Interrupted
	}
	fmt.Fprintf(stderr, "%s: %s\n", name, strings.ReplaceAll(Printable(err.Error()), "\n", "\n  "))
	return Failed
}

// Printable keeps names that come from elsewhere, and what a server answers,
// from commanding the terminal.
func Printable(s string) string {
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
		if a == "--" { // no flags follow
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			out[i] = "-" + a
		}
	}
	return out
}
