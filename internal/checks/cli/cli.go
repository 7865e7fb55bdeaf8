// Package cli is what the command lines of the checks have in common.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
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

// Main runs a program and exits with its code. An interrupt ends the program's
// context.
func Main(run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Parse reads the arguments into a struct with package kong's tags. If ok is
// false, the program should end with the code: it has printed the help, or what
// is wrong with the arguments.
func Parse(
	into any, name, description string, args []string, stdout, stderr io.Writer, more ...kong.Option,
) (code int, ok bool) {
	helped := false // kong calls Exit after the help, and would then go on
	options := append(more, kong.Name(name), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }))
	_, err := kong.Must(into, options...).Parse(args)
	switch {
	case helped:
		return OK, false
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\nSee %s --help.\n", name, err, name)
		return Usage, false
	}
	return OK, true
}

// End prints the error with which a program ends, if any, and returns the exit
// code.
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

// Version returns the version of a module that the program was built with.
func Version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "of unknown version"
}

// Printable replaces what a terminal could take for a command. It is for text
// from outside the program.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
