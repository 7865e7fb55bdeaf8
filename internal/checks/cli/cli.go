// Package cli is what the command lines of the checks have in common.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Interrupted = 130
)

// Main runs a program until it ends or is interrupted, which ends its context,
// and exits with its code.
func Main(run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends a program that does not listen
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Parse reads the arguments into a struct as package kong has it. If it is not
// ok, the program ends with the code: help was asked for and given, or the
// usage is wrong and has been explained.
func Parse(into any, name, description string, args []string, stdout, stderr io.Writer) (code int, ok bool) {
	helped := false
	exit := kong.Exit(func(int) { helped = true })
	parser := kong.Must(into, kong.Name(name), kong.Description(description), kong.Writers(stdout, stderr), exit)
	_, err := parser.Parse(args)
	switch {
	case helped:
		return OK, false
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\nSee %s --help.\n", name, err, name)
		return Usage, false
	}
	return OK, true
}

// End reports how a program ended and returns its exit code.
func End(ctx context.Context, err error, name, interrupted string, stderr io.Writer) int {
	switch {
	case err == nil:
		return OK
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: interrupted; %s\n", name, interrupted)
		return Interrupted
	}
	fmt.Fprintf(stderr, "%s: %s\n", name, Printable(err.Error()))
	return Failed
}

// Printable keeps text that comes from elsewhere from commanding the terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
