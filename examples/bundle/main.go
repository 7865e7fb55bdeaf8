// Command bundle packs verified files into one archive, and verifies them again
// where there is no network.
//
//	go run ./examples/bundle
//
// Without arguments it is a demonstration: it creates a repository and serves
// it on this machine.
//
// A bundle is a zip archive. Nothing in it is trusted:
//
//	bundle.txt                list of the other entries, shows damage only
//	metadata/N.root.json      the packer's trusted root, and all later roots
//	metadata/timestamp.json   other metadata, named as on a mirror
//	metadata/N.snapshot.json
//	metadata/N.targets.json
//	metadata/N.ROLE.json      (percent-encoded)
//	targets/PATH              target files, by target path
//
// Names are in order, times are fixed and nothing is compressed. So the same
// files give the same archive. For a session, a bundle is a source like any
// mirror: a file that it lacks does not exist.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/verify"
)

var commandLine = cli.Program{
	Name: "bundle",
	Description: `Pack files of a TUF repository, with their metadata, into one archive, and verify
them where there is no network.

Without arguments: a demonstration.

The archive (zip) has metadata/N.root.json, beginning with the root that the
packer trusts; metadata/timestamp.json, metadata/N.snapshot.json and so on, named
as on a mirror; targets/PATH; and bundle.txt, a list that is not trusted.

Exit code 0: all files are good. 1: some are not, and nothing was extracted or
packed. 2: wrong usage. 3: stale: a file had expired at the given time, and
verify found nothing else wrong. 130: interrupted. check and confirm also have
4: not listed. 5: gone back. 6: wrong bytes. 7: withdrawn. 8: clock suspicious.
Of several, the highest is the exit code; 1 if a file could not be judged.`,
	Help: map[string]string{
		"state": "Directory for the newest versions seen, so that older ones are refused from then on " +
			"(default: nothing is stored).",
		"record": "File that says what was accepted, by which versions, and until when it is good " +
			"(docs/bundles.md has its layout).",
		"targets": "Target paths (default: all in the archive, which must have no other files then).",
	},
}

type program struct {
	Pack    packCmd    `cmd:"" help:"Fetch targets and their metadata, verify them, and write an archive."`
	Verify  verifyCmd  `cmd:"" help:"Verify the targets in an archive, without any network, and extract them."`
	Check   checkCmd   `cmd:"" help:"Check files that came some other way, by a bundle or the saved state."`
	Confirm confirmCmd `cmd:"" help:"Ask the repository about the files of a record, when there is a network."`
	List    listCmd    `cmd:"" help:"Show what is in an archive; this verifies nothing."`
}

// terminal is where the commands write: results to stdout, warnings to stderr,
// both in lines of 80 columns, and progress to bars.
type terminal struct {
	stdout, stderr *lines
	bars           io.Writer
	// step is for tests. It is called before each change of the disk, and may
	// end the process there.
	step func(what string)
}

func newTerminal(stdout, stderr io.Writer) *terminal {
	return &terminal{&lines{to: stdout}, &lines{to: stderr}, stderr, func(string) {}}
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return newTerminal(stdout, stderr).run(ctx, args)
}

func (out *terminal) run(ctx context.Context, args []string) int {
	defer out.stdout.flush()
	defer out.stderr.flush()
	work := func() error { return demo(ctx, out) }
	if len(args) > 0 {
		command, code := commandLine.Parse(&program{}, args, out.stdout, out.stderr)
		if command == nil {
			return code
		}
		command.BindTo(ctx, (*context.Context)(nil))
		work = func() error { return command.Run(out) }
	}
	err := work()
	code := commandLine.End(ctx, err, "every file in place is verified", out.stderr)
	if worst := worstOf(err); code == cli.Failed && worst > cli.Failed {
		return worst
	}
	if code == cli.Failed && errors.Is(err, verify.ErrExpired) {
		return stale
	}
	return code
}

// stale is the exit code for a bundle that was good at an earlier time.
const stale = 3

// worstOf returns the exit code for the outcomes in an error, 0 if there are
// none, and cli.Failed if there is anything else in it.
func worstOf(err error) int {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		worst := 0
		for _, e := range joined.Unwrap() {
			code := worstOf(e)
			if code == cli.Failed {
				return code
			}
			worst = max(worst, code)
		}
		return worst
	}
	switch e := err.(type) {
	case *OutcomeError:
		return e.Code
	case *ClockError:
		return badClock
	case nil:
		return 0
	}
	return cli.Failed
}
