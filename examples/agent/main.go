// Command agent is a program that runs long and keeps itself up to date from a
// TUF repository.
//
// Without arguments it is a demonstration: it creates a repository and serves
// it on this machine.
package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "agent",
	Description: `Run, and keep this program up to date from a TUF repository.

Without arguments: a demonstration. A new version is verified, lies next to the
program, and is started. Only when it says that it is well does it replace the
program. If it ends or is silent, the program goes on as it was.

/healthz says whether updates are possible, and /metrics has numbers for
Prometheus.

Exit code 0: it was told to end. 1: something failed. 2: wrong usage.`,
	Help: map[string]string{
		"metadata": "Base URL of the metadata. Repeat it for more mirrors.",
		"targets":  "Base URL of the target files. Repeat it for more mirrors.",
		"listen":   "Address of /healthz and /metrics (default: 127.0.0.1:9750).",
		"patience": "How long a new version has to say that it is well (default: 1m).",
	},
}

// agent is the command line.
type agent struct {
	Root        string        `required:"" placeholder:"FILE" type:"existingfile" help:"${root}"`
	MetadataURL []string      `required:"" sep:"none" placeholder:"URL" help:"${metadata}"`
	TargetsURL  []string      `required:"" sep:"none" placeholder:"URL" help:"${targets}"`
	Target      string        `arg:"" help:"The target that is this program."`
	Folder      string        `placeholder:"DIR" help:"Directory for metadata (default: next to the program)."`
	Listen      string        `default:"127.0.0.1:9750" placeholder:"ADDRESS" help:"${listen}"`
	Every       time.Duration `default:"1h" help:"How often to look for a new version (default: ${default})."`
	Patience    time.Duration `default:"1m" help:"${patience}"`

	Work string `hidden:"" help:"The program that the keeper keeps. This process does the work."`
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return commandLine.End(ctx, demo(ctx, stdout), "the demonstration is over", stderr)
	}
	a := new(agent)
	command, code := commandLine.Parse(a, args, stdout, stderr)
	switch {
	case command == nil:
		return code
	case a.Work == "":
		code = commandLine.End(ctx, a.keep(ctx, args, stderr), "", stderr)
	default:
		err := a.work(ctx, stdout, stderr)
		if errors.Is(err, errNewVersion) {
			return exitNewVersion
		}
		code = commandLine.End(ctx, err, "", stderr)
	}
	if ctx.Err() != nil {
		return cli.OK
	}
	return code
}
