// Command mirror keeps a verified copy of a whole repository, in a folder that
// any web server serves or in a bucket.
//
//	go run ./services/mirror                        a demonstration
//	go run ./services/mirror sync ... DEST          bring a copy up to date
//	go run ./services/mirror plan ... DEST          what a sync would do
//	go run ./services/mirror verify ... DEST        verify all of a copy
//
// docs/mirror.md says how the copy is laid out, and what it guarantees.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "mirror",
	Description: `Keep a verified copy of a whole repository that follows The Update Framework, in a folder or in a bucket.
Without arguments: a demonstration.

Exit code 0: done. 1: something went wrong, or is missing with --strict. 2: wrong usage. 130: interrupted.`,
	Help: map[string]string{
		"dest":  "Where the copy is: a folder, or the URL of a bucket (s3://NAME, mem://).",
		"work":  "Folder for what the program itself needs (default: .mirror in DEST; needed for a bucket).",
		"grace": "How long what is not listed any more stays, for clients that have begun (default: 24h).",
	},
}

// options are the command line.
type options struct {
	Sync   syncCmd   `cmd:"" help:"Bring the copy up to date."`
	Plan   planCmd   `cmd:"" help:"Say what a sync would do."`
	Verify verifyCmd `cmd:"" help:"Verify all of the copy, against the keys."`
}

// copyOf is what the commands have in common.
type copyOf struct {
	Root string    `required:"" placeholder:"FILE" help:"${root}"`
	Dest string    `arg:"" name:"dest" help:"${dest}"`
	At   time.Time `placeholder:"TIME" help:"${at}"`
}

// now is the time by which expiry is judged.
func (c *copyOf) now() time.Time {
	if c.At.IsZero() {
		return time.Now()
	}
	return c.At
}

// terminal is where the commands write: results to stdout, progress and
// warnings to stderr.
type terminal struct{ stdout, stderr io.Writer }

func (t *terminal) warn(format string, args ...any) {
	fmt.Fprintln(t.stderr, cli.Printable("warning: "+fmt.Sprintf(format, args...)))
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &terminal{stdout, stderr}
	const left = "the copy is as it was, and the next sync goes on here"
	if len(args) == 0 {
		return commandLine.End(ctx, demo(ctx, out), left, stderr)
	}
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return commandLine.End(ctx, command.Run(out), left, stderr)
}

// trustedRoot reads the root that the operator trusts.
func (c *copyOf) trustedRoot() ([]byte, error) { return os.ReadFile(c.Root) }
