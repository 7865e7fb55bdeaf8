// Command agent is a program that runs long and keeps itself up to date from a
// TUF repository.
//
// Without arguments it is a demonstration: it creates a repository and serves
// it on this machine.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/client"
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
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return commandLine.End(ctx, demo(ctx, stdout), "the demonstration is over", stderr)
	}
	a := new(agent)
	command, code := commandLine.Parse(a, args, stdout, stderr)
	if command == nil {
		return code
	}
	c, err := a.config(stdout, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return commandLine.End(ctx, err, "", stderr)
	}
	return live(ctx, c)
}

// config has what the command line says. The program's own work is to say how
// it is.
func (a *agent) config(stdout io.Writer, log *slog.Logger) (config, error) {
	root, err := os.ReadFile(a.Root)
	if err != nil {
		return config{}, err
	}
	build, err := build()
	if err != nil {
		return config{}, err
	}
	numbers := newMetrics(build)
	return config{
		TrustedRoot: root, Metadata: a.MetadataURL, Targets: a.TargetsURL, Target: a.Target, Folder: a.Folder,
		Every: a.Every, Patience: a.Patience, Log: log,
		Observe: func(e client.Event) { observe(log, e); numbers.observe(e) },
		Run: func(ctx context.Context, c *client.Client) error {
			return serve(ctx, stdout, a.Listen, build, c, numbers)
		},
	}, nil
}
