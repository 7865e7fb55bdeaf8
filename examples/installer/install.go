package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/metadata"
)

// parallel is how many targets are downloaded at once.
const parallel = 3

// installer is one run of the program: the command line, and where to write.
type installer struct {
	Targets     []string      `arg:"" name:"target" help:"Target paths to install."`
	Root        []string      `required:"" placeholder:"[NAME=]FILE" sep:"none" help:"${root}"`
	MetadataURL []string      `placeholder:"URL" sep:"none" help:"${metadata}"`
	TargetsURL  []string      `placeholder:"URL" sep:"none" help:"${targets}"`
	Map         string        `placeholder:"FILE" help:"${map}"`
	Dest        string        `default:"." placeholder:"DIR" help:"Directory to install into (default: this one)."`
	Cache       string        `placeholder:"DIR" help:"${cache}"`
	At          time.Time     `placeholder:"TIME" help:"${at}"`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`
	Trail       bool          `help:"Show why each file is trusted."`
	Quiet       bool          `short:"q" help:"Print warnings and errors only."`

	stdout, stderr io.Writer
	searches       searches
	bars           progress.Bars // of the downloads, once they begin
}

// run finds all targets, and then installs them. It downloads nothing unless
// all of them are found.
func (in *installer) run(ctx context.Context) error {
	c, err := in.open()
	if err != nil {
		return err
	}
	err = in.runWith(ctx, c)
	return errors.Join(err, c.Close())
}

func (in *installer) runWith(ctx context.Context, c *client.Client) error {
	if in.Map == "" { // of several, each target waits only for those that it needs
		if err := c.Refresh(ctx); err != nil {
			return fmt.Errorf("no trustworthy state of the repository is available:\n%w", err)
		}
	}
	files, err := in.find(ctx, c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(in.Dest, 0o755); err != nil {
		return err
	}
	dest, err := os.OpenRoot(in.Dest)
	if err != nil {
		return err
	}
	defer dest.Close()
	return in.install(ctx, c, files, dest)
}

// find finds all targets in one view. A search that another process was ahead
// of has brought the client up to date: then all are found again.
func (in *installer) find(ctx context.Context, c *client.Client) ([]*client.File, error) {
	for range client.MaxAgain + 1 {
		before := c.View()
		files, err := in.findOnce(ctx, c)
		if err != nil || sameState(before, c.View()) {
			return files, err
		}
	}
	return nil, errors.New("the repository changes too fast to find all targets in one state of it")
}

func sameState(a, b *client.View) bool {
	return a != nil && b != nil && slices.EqualFunc(a.Repositories, b.Repositories, func(a, b client.RepositoryView) bool {
		return a.Root == b.Root && a.Timestamp == b.Timestamp && a.Snapshot == b.Snapshot && a.Targets == b.Targets
	})
}

// findOnce finds all targets at once. The error has all that are missing.
func (in *installer) findOnce(ctx context.Context, c *client.Client) ([]*client.File, error) {
	files, errs := make([]*client.File, len(in.Targets)), make([]error, len(in.Targets))
	var wait sync.WaitGroup
	for i, path := range in.Targets {
		wait.Go(func() { files[i], errs[i] = c.Find(ctx, path) })
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("%s is not installed:\n%w%s", metadata.Printable(in.Targets[i]), err,
				in.searches.failed(in.Targets[i]))
		}
	}
	return files, errors.Join(errs...)
}

// install installs the files, a few at a time, and then says what was done. If
// one fails, the others are still installed.
func (in *installer) install(ctx context.Context, c *client.Client, files []*client.File, dest *os.Root) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	in.bars = in.newBars(ctx)
	how, errs := make([]string, len(files)), make([]error, len(files))
	for i, f := range files {
		group.Go(func() error {
			newBar := func() *progress.Bar { return in.bars.Add(f.Path(), f.Length(), i) }
			how[i], errs[i] = installOne(ctx, f, dest, newBar)
			return nil
		})
	}
	_ = group.Wait()
	in.bars.Wait()
	for i, f := range files {
		if errs[i] == nil {
			errs[i] = in.report(ctx, c, f.Path(), how[i])
		} else {
			errs[i] = fmt.Errorf("%s is not installed:\n%w", metadata.Printable(f.Path()), errs[i])
		}
	}
	in.reportView(c.View())
	return errors.Join(errs...)
}

// installOne installs a file, with a bar if it has to be downloaded.
func installOne(ctx context.Context, f *client.File, dest *os.Root, newBar func() *progress.Bar) (string, error) {
	var bar *progress.Bar
	err := f.InstallIn(ctx, dest, f.Path(), client.InstallOptions{Progress: func(p client.Progress) {
		if bar == nil {
			bar = newBar()
		}
		bar.Set(p.Done)
	}})
	switch {
	case bar == nil:
		return "already there, and verified", err
	case err != nil:
		bar.Abort()
	default:
		bar.Finish()
	}
	return "installed", err
}
