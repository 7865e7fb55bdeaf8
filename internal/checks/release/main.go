// Command release makes a tree ready for the tags of a release.
//
//	go run ./internal/checks/release v0.1.0
//
// See RELEASING.md.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "release",
	Description: `Make the go.mod files ready for the tags of a release.

The modules that are released then require each other in this version, without
a replace. The tree still builds, by go.work.

Exit code 0: done. 1: something went wrong. 2: wrong usage. 130: interrupted.`,
}

type options struct {
	Version string `arg:"" help:"Such as v0.1.0."`
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	return commandLine.End(ctx, o.run(stdout), "some go.mod files may be changed", stderr)
}

func (o *options) run(stdout io.Writer) error {
	for _, m := range released {
		changed, err := m.prepare(".", o.Version)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %s\n", m.goMod("."), map[bool]string{true: "changed", false: "as it was"}[changed])
		fmt.Fprintln(stdout, "  tag", m.tag(o.Version))
	}
	return nil
}
