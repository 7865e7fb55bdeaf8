// Command compare runs tufwalk and go-tuf on the same repositories, in one process and in turn, and shows what each of them takes.
//
//	go run ./examples/compare                                   # all but growth, in less than two minutes
//	go run ./examples/compare cold growth --svg examples/compare  # the charts
//
// Beside both stands the floor: what no client can do without, which is the hashes and signatures of the files that it needs and one
// check that they are JSON. The repositories are made up on the spot and are the same for both, byte for byte.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

const description = `Run tufwalk and go-tuf on the same repositories, in turn, and compare time, memory and rounds of fetching.

Parts:
cold: from one root file to resolved targets, metadata in memory.
warm: the same once more, from saved files.
target: one large file verified as it comes.
http: cold, over a loopback server that waits before each answer.
growth: cold, against the number of hash bins and of targets.
Without any: all but growth.

The floor is sha256 of the files that are listed with one, the signatures that are needed, and json.Valid.
Times and allocations are medians. A round is a set of requests that were under way together.

Exit code 0: done. 1: something went wrong. 2: wrong usage. 130: interrupted.`

func main() { cli.Main(run) }

// run is the program: tables go to stdout, progress and errors to stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &comparison{stdout: stdout, stderr: stderr}
	command, code := cli.Parse(c, "compare", description, args, stdout, stderr)
	if command == nil {
		return code
	}
	return cli.End(ctx, c.run(ctx), "compare", "what was measured until then is above", stderr)
}
