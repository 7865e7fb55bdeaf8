// Command compare runs tufwalk and go-tuf in turn on the same repositories, in
// one process, and compares their time, memory and rounds of fetching.
//
//	go run ./internal/checks/compare # start, target, http
//	go run ./internal/checks/compare start growth refresh --svg docs # charts
//
// Both are compared with a yardstick: sha256 of the files that are listed with
// a hash, the fewest signatures that decide, and one check that each file is
// JSON. The repositories are made up by the program, and are the same for both
// clients, byte for byte.
package main

import (
	"context"
	"io"

	"github.com/tufwalk/tufwalk/internal/cli"
)

const description = `Run tufwalk and go-tuf on the same repositories, in turn,
and compare time, memory and rounds of fetching.

Parts:
start: from one root file to resolved targets (cold), the same again from saved files (warm), and 100 more lookups,
with the metadata in memory, on one core.
target: one large file, verified while it is read.
http: cold, over a loopback server that waits before each answer.
growth: cold, against the number of hash bins and of targets.
refresh: a view that a program keeps for long, refreshed 1,000 times: time, requests and memory.
Without any: start, target and http.

Ahead: tufwalk with Options{Lookahead: 64}, which asks for files before it is known whether they are needed;
requests go out together.
Yardstick: sha256 of what is listed with a hash, the fewest signatures that decide, one json.Valid of each file.
A client can be faster than json.Valid.
Round: a set of requests that were made at the same time.
With hashes: timestamp and snapshot list the files' hashes. Versions only: they do not.

Times and allocations are medians. The first three take less than five minutes, as no row begins after four.
On a slow or busy machine slow clients have fewer turns, or rows are left out; the output says where.

Exit code 0: done. 1: something went wrong. 2: wrong usage. 130: interrupted.`

// helps are help texts too long for a struct tag.
var helps = map[string]string{
	"parts":  "What to compare: start, target, http, growth, refresh. Default: the first three.",
	"budget": "No row begins after this time; slow clients have fewer turns. Default: 4m, and 6m more with growth.",
}

var commandLine = cli.Program{Name: "compare", Description: description, Help: helps}

func main() { cli.Main(run) }

// run is the program: tables go to stdout, progress and errors to stderr. It
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &comparison{stdout: stdout, stderr: stderr}
	command, code := commandLine.Parse(c, args, stdout, stderr)
	if command == nil {
		return code
	}
	return commandLine.End(ctx, c.run(ctx), "what was measured before is above", stderr)
}
