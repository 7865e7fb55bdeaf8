// Command installer installs files from a TUF repository, or from several that
// must agree. It is a command line around package client.
//
// Without arguments it is a demonstration: it creates repositories and serves
// them on this machine.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "installer",
	Description: `Install files from a TUF repository, or from several of them.

Without arguments: a demonstration. A mirror that fails or serves a wrong file
is passed over. Nothing is installed unless all targets can be trusted.

With --map, a TAP 4 map says which repositories are asked for which targets, and
how many must agree. It has the base URLs of each repository, with metadata/ and
targets/ below them.

Exit code 0: every target is in place. 1: some or all are not. 2: wrong usage.
130: interrupted.`,
	Help: map[string]string{
		"root": "The root file that you trust, of any version. With --map: one for each repository. " +
			"Never take one from a cache or a bundle.",
		"metadata": "Base URL of the metadata. Repeat it for more mirrors.",
		"targets":  "Base URL of the target files. Repeat it for more mirrors.",
		"map":      "A TAP 4 map, in place of URLs. Get it, like the root files, from a place that you trust.",
		"cache": "Directory for metadata. With --map it has a folder for each repository. " +
			"(Default: one in your cache for each root file or map.)",
	},
}

func main() { cli.Main(run) }

// run is the program. Results go to stdout; progress, warnings and errors go to
// stderr. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	in := &installer{stdout: stdout, stderr: stderr}
	work := func() error { return demo(ctx, in) }
	if len(args) > 0 {
		command, code := commandLine.Parse(in, args, stdout, stderr)
		if command == nil {
			return code
		}
		work = func() error {
			late := fmt.Errorf("not done after %v, the limit of --timeout", in.Timeout)
			ctx, cancel := context.WithTimeoutCause(ctx, in.Timeout, late)
			defer cancel()
			return in.run(ctx)
		}
	}
	return commandLine.End(ctx, work(), "every installed file is verified", stderr)
}
