// Command api writes docs/api.txt: all that the packages for users export.
//
//	go run ./internal/checks/api
//
// A test compares the file with the code, so that nobody changes what others
// build on without seeing it. It must run in a checkout of the repository.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "api",
	Description: `Write docs/api.txt: all that the packages for users export.

Exit code 0: written. 1: something went wrong. 2: wrong usage. 130: interrupted.`,
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, code := commandLine.Parse(&struct{}{}, args, stdout, stderr)
	if command == nil {
		return code
	}
	return commandLine.End(ctx, write(ctx, stdout), "nothing was written", stderr)
}

func write(ctx context.Context, stdout io.Writer) error {
	top, err := topFolder(ctx)
	if err != nil {
		return err
	}
	text, err := surface(ctx, top)
	if err != nil {
		return err
	}
	name := filepath.Join(top, file)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "wrote", name)
	return nil
}
