// Command bundle carries verified files over a gap that no network crosses, and
// verifies them again on the other side.
//
//	go run ./examples/bundle     # a demonstration on a repository that it makes up and serves on this machine
//
// A bundle is a zip archive, of which nothing is trusted:
//
//	bundle.txt                   the list of the other entries with their lengths; it tells damage and proves nothing
//	metadata/N.root.json         the root that the packer trusted, and every later one
//	metadata/timestamp.json      and the other metadata files, as the repository's mirrors name them, percent-encoded
//	metadata/N.snapshot.json
//	metadata/N.targets.json
//	metadata/N.ROLE.json
//	targets/PATH                 the target files, by their target paths
//
// Names are in order, times are fixed and nothing is compressed, so that the
// same files make the same archive. To a session a bundle is a live source like
// any mirror: what it lacks does not exist.
package main

import (
	"context"
	"errors"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/roles"
)

const description = `Pack files of a TUF repository, with all that vouches for them, into one archive, and verify them from it where there is no network.

Without any arguments: a demonstration.

The archive (zip): metadata/N.root.json, from the root that the packer trusted on; metadata/timestamp.json, metadata/N.snapshot.json and so on,
as mirrors name them; targets/PATH; and bundle.txt, a list that nobody trusts.

Exit code 0: all is good. 1: something is not, and nothing was extracted or packed. 2: wrong usage. 3: stale: something had expired at the time
given; verify says whether all is good otherwise. 130: interrupted.`

type program struct {
	Pack   packCmd   `cmd:"" help:"Fetch targets and their metadata, verify them, and write an archive."`
	Verify verifyCmd `cmd:"" help:"Verify the targets in an archive, without any network, and extract them."`
	List   listCmd   `cmd:"" help:"Show what is in an archive; this verifies nothing."`
}

// terminal is where the commands write: results to stdout; progress and
// warnings to stderr.
type terminal struct{ stdout, stderr io.Writer }

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &terminal{stdout, stderr}
	work := func() error { return demo(ctx, out) }
	if len(args) > 0 {
		command, code := cli.Parse(&program{}, "bundle", description, args, stdout, stderr)
		if command == nil {
			return code
		}
		command.BindTo(ctx, (*context.Context)(nil))
		work = func() error { return command.Run(out) }
	}
	err := work()
	code := cli.End(ctx, err, "bundle", "nothing unverified was left under a file's name", stderr)
	if code == cli.Failed && errors.Is(err, roles.ErrExpired) {
		return stale
	}
	return code
}

// stale is the exit code for a bundle that would have been good earlier.
const stale = 3
