// Package cli has the parts that the command lines of the programs share.
package cli

import (
	"context"
	"errors"
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

// Exit codes.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2 // wrong flags or arguments
	Interrupted = 130
)

// Program describes a command line.
type Program struct {
	Name, Description string
	// Help has texts that are too long for the tag of a flag. There,
	// help:"${root}" stands for Help["root"]. RootHelp and AtHelp are always
	// there, as ${root} and ${at}.
	Help map[string]string
}

// Help texts of flags that several programs have.
const (
	RootHelp = "The root file that you trust, of any version. Never take one from a cache or a bundle."
	AtHelp   = "Judge expiry as of this time, in RFC 3339 (default: now)."
)

// Main runs a program and exits with its code. An interruption ends the
// context.
func Main(run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the program
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Parse reads the arguments into a struct with tags for package kong. If it
// returns no command, the program must end with the code: it has printed help,
// or an error about wrong usage.
func (p *Program) Parse(
	into any, args []string, stdout, stderr io.Writer,
) (command *kong.Context, code int) {
	helped := false
	parser := kong.Must(into,
		kong.Name(p.Name), kong.Description(p.Description),
		kong.Vars{"root": RootHelp, "at": AtHelp}, kong.Vars(p.Help),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	command, err := parser.Parse(twoDashes(args))
	switch {
	case helped:
		return nil, OK
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\n%s", p.Name, err, p.usage(err))
		return nil, Usage
	}
	return command, OK
}

// usage says where to read on and, for a program of several commands, what the
// one that was given needs.
func (p *Program) usage(err error) string {
	wrong := new(kong.ParseError)
	if errors.As(err, &wrong) && wrong.Context.Selected() != nil {
		command := wrong.Context.Selected()
		return fmt.Sprintf("Usage: %s %s\nSee %s --help.\n", p.Name, command.Summary(), command.FullPath())
	}
	return fmt.Sprintf("See %s --help.\n", p.Name)
}

// End reports an error, if there is one, and returns the exit code. The context
// is the one that an interruption ends; the text interrupted is for that case.
func (p *Program) End(ctx context.Context, err error, interrupted string, stderr io.Writer) int {
	switch {
	case err == nil:
		return OK
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: interrupted; %s\n", p.Name, interrupted)
		return Interrupted
	}
	fmt.Fprintf(stderr, "%s: %s\n", p.Name, strings.ReplaceAll(Printable(err.Error()), "\n", "\n  "))
	return Failed
}

// Printable replaces control characters. Names from a repository and answers of
// a server must not send commands to the terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// twoDashes accepts -at for --at, as package flag does.
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
