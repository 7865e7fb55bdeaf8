// Command compare runs tufwalk and go-tuf on the same repositories, in one
// process and in turn, and shows what each of them takes.
//
//	go run ./internal/checks/compare                                   # all but growth; no row begins after 90 seconds
//	go run ./internal/checks/compare cold growth --svg internal/checks/compare  # the charts
//
// Beside both stands the floor, a yardstick: the hashes and signatures of the
// files that are needed and one check that they are JSON. The repositories are
// made up on the spot and are the same for both, byte for byte.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/internal/checks/cli"
)

const description = `Run tufwalk and go-tuf on the same repositories, in turn, and compare time, memory and rounds of fetching.

Parts:
cold: from one root file to resolved targets, metadata in memory.
warm: the same once more, from saved files.
target: one large file verified as it comes.
http: cold, over a loopback server that waits before each answer.
growth: cold, against the number of hash bins and of targets.
Without any: all but growth.

Ahead: tufwalk with Options{Lookahead: 64}, which asks for files before it is known whether they are needed; requests go out together.
Floor: a yardstick. sha256 of the files needed, their signatures, one json.Valid. A client can be faster than json.Valid.
Round: a set of requests that were under way together.
With hashes: timestamp and snapshot list the files' hashes. Versions only: they do not.

Times and allocations are medians. All but growth takes less than two minutes, as no row begins after 90 seconds: on a slow or busy machine
what is slow has fewer turns, or rows are left out, and the output says where.

Exit code 0: done. 1: something went wrong. 2: wrong usage. 130: interrupted.`

func main() { cli.Main(run) }

// run is the program: tables go to stdout, progress and errors to stderr. It
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &comparison{stdout: stdout, stderr: stderr}
	code, ok := cli.Parse(c, "compare", description, args, stdout, stderr)
	if !ok {
		return code
	}
	return cli.End(ctx, c.run(ctx), "compare", "what was measured until then is above", stderr)
}
