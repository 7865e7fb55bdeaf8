// Command async shows how to write one's own driver: the loop around a session
// that fetches in parallel, in driver.go. Most programs use client.Drive.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/verify"
)

var commandLine = cli.Program{
	Name: "async",
	Description: `Download files from a TUF repository: many at once, from several mirrors, and
resuming where an earlier run stopped. Without arguments: a demonstration.

Exit code 0: every target is in place. 1: some are not. 2: wrong usage. 130:
interrupted.`,
}

// downloader is one run of the program: the command line, and where to write.
type downloader struct {
	Targets     []string  `arg:"" name:"target" help:"Target paths to download."`
	Root        string    `required:"" placeholder:"FILE" help:"${root}"`
	MetadataURL []string  `required:"" placeholder:"URL" sep:"none" help:"Base URL of metadata. Repeat it for more."`
	TargetsURL  []string  `required:"" placeholder:"URL" sep:"none" help:"Base URL of targets. Repeat it for more."`
	Dest        string    `default:"." placeholder:"DIR" help:"Directory to download into (default: this one)."`
	Cache       string    `required:"" placeholder:"DIR" help:"Directory for the metadata of this repository alone."`
	At          time.Time `placeholder:"TIME" help:"${at}"`
	Parallel    int       `default:"8" help:"How many files are fetched at once (default: ${default})."`

	stdout, stderr io.Writer
	slots          chan struct{} // has room for as many as there are files to be fetched at once
	mirrors        *client.Mirrors
	folder         *client.Folder
	dest           *os.Root
	bars           *progress.Bars
}

// Validate finds mistakes before the first request. Package kong calls it.
func (d *downloader) Validate() (err error) {
	d.slots = make(chan struct{}, max(d.Parallel, 1))
	d.mirrors, err = client.NewMirrors(client.MirrorsConfig{Metadata: d.MetadataURL, Targets: d.TargetsURL})
	return errors.Join(err, client.CheckNames(d.Targets))
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	d := &downloader{stdout: stdout, stderr: stderr, bars: progress.New(stderr)}
	work := d.run
	if len(args) == 0 {
		work = d.demo
	} else if command, code := commandLine.Parse(d, args, stdout, stderr); command == nil {
		return code
	}
	return commandLine.End(ctx, work(ctx), "every file in place is verified, and the next run resumes here", stderr)
}

// run opens what an update needs, and begins again from what is stored if
// another process has stored something newer.
func (d *downloader) run(ctx context.Context) error {
	trustedRoot, err := os.ReadFile(d.Root)
	if err != nil {
		return err
	}
	if d.folder, err = client.OpenFolder(d.Cache); err != nil {
		return err
	}
	defer d.folder.Close()
	if d.dest, err = os.OpenRoot(d.Dest); err != nil {
		return err
	}
	defer d.dest.Close()
	err = d.update(ctx, trustedRoot)
	for n := 0; n < client.MaxAgain && errors.Is(err, verify.ErrSuperseded); n++ {
		err = d.update(ctx, trustedRoot)
	}
	return err
}
