// Command async shows how to write one's own driver: the loop around
// Session.Next, Provide, NotFound and Fail that fetches in parallel
// (driver.go). It downloads many files from a TUF repository at once.
//
//	go run ./examples/async
//
// Without arguments it is a demonstration: it creates a repository and serves
// it from three mirrors on this machine: an honest one, a liar, and a slow and
// flaky one.
//
// The rest comes from package client. Most programs need no driver of their
// own: see examples/installer.
package main

import (
	"context"
	"errors"
	"fmt"
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
	Description: `Download files from a TUF repository: many at once, from several mirrors.

Without arguments: a demonstration.

Exit code 0: every target is in place. 1: some are not. 2: wrong usage.
130: interrupted.`,
}

// downloader is one run of the program: the command line, and its parts.
type downloader struct {
	Targets     []string `arg:"" name:"target" help:"Target paths to download."`
	Root        string   `required:"" placeholder:"FILE" help:"${root}"`
	MetadataURL []string `required:"" placeholder:"URL" sep:"none" help:"Base URL of metadata; repeat it for mirrors."`
	TargetsURL  []string `required:"" placeholder:"URL" sep:"none" help:"Base URL of targets; repeat it for mirrors."`
	Dest        string   `default:"." placeholder:"DIR" help:"Directory to download into (default: this one)."`
	Cache       string   `placeholder:"DIR" help:"Directory for metadata (default: one in your cache for each root file)."`
	Parallel    int      `default:"8" help:"Requests at once, and targets at once (default: ${default})."`

	mirrors *client.Mirrors
	dest    *os.Root
	bars    progress.Bars
}

// Validate finds mistakes before the first request. Package kong calls it.
func (d *downloader) Validate() (err error) {
	if d.Parallel < 1 {
		return errors.New("--parallel must be above zero")
	}
	urls := client.MirrorsConfig{Metadata: d.MetadataURL, Targets: d.TargetsURL}
	if d.mirrors, err = client.NewMirrors(urls); err != nil {
		return err
	}
	return client.CheckNames(d.Targets)
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		var stop func()
		var err error
		if args, stop, err = demo(stdout); err != nil {
			fmt.Fprintf(stderr, "async: %v\n", err)
			return cli.Failed
		}
		defer stop()
	}
	d := &downloader{}
	command, code := commandLine.Parse(d, args, stdout, stderr)
	if command == nil {
		return code
	}
	d.bars = progress.New(ctx, stderr)
	err := d.run(ctx)
	d.bars.Wait()
	if err == nil {
		fmt.Fprintf(stdout, "%d of %d files are in %s, and verified\n", len(d.Targets), len(d.Targets), d.Dest)
	}
	return commandLine.End(ctx, err, "every file in place is verified, and the next run resumes here", stderr)
}

func (d *downloader) run(ctx context.Context) error {
	trustedRoot, err := os.ReadFile(d.Root)
	if err != nil {
		return err
	}
	cache, err := commandLine.CacheDir(d.Cache, d.Root)
	if err != nil {
		return err
	}
	store, err := client.OpenFolder(cache)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := os.MkdirAll(d.Dest, 0o755); err != nil {
		return err
	}
	if d.dest, err = os.OpenRoot(d.Dest); err != nil {
		return err
	}
	defer d.dest.Close()
	options := verify.Options{Lookahead: client.DefaultLookahead}
	for range 1 + client.MaxAgain {
		s, err := verify.New(trustedRoot, verify.LoadStored(ctx, store), time.Now(), options)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Root, err)
		}
		if err := d.update(ctx, s, store); !errors.Is(err, verify.ErrSuperseded) {
			return err
		}
	}
	return verify.ErrSuperseded // another process has saved something newer, each time
}
