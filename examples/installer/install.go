package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// parallel is how many targets are downloaded at once.
const parallel = 3

// installer is one run of the program: the command line, and where to write.
type installer struct {
	Targets     []string      `arg:"" name:"target" help:"Target paths to install."`
	Root        string        `required:"" placeholder:"FILE" help:"${root}"`
	MetadataURL []string      `required:"" placeholder:"URL" sep:"none" help:"${metadata}"`
	TargetsURL  []string      `required:"" placeholder:"URL" sep:"none" help:"${targets}"`
	Dest        string        `default:"." placeholder:"DIR" help:"Directory to install into (default: this one)."`
	Cache       string        `placeholder:"DIR" help:"${cache}"`
	At          time.Time     `placeholder:"TIME" help:"${at}"`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`
	Quiet       bool          `short:"q" help:"Print warnings and errors only."`

	stdout, stderr io.Writer
}

// Validate finds mistakes before the first request. Package kong calls it.
func (in *installer) Validate() error {
	for _, s := range slices.Concat(in.MetadataURL, in.TargetsURL) {
		if err := mirror.CheckBase(s); err != nil {
			return err
		}
	}
	return place.CheckNames(in.Targets)
}

// run updates the metadata, looks up all targets, and then installs them. It
// downloads nothing unless all of them are found.
func (in *installer) run(ctx context.Context) error {
	client := mirror.NewClient()
	session, lookups, err := in.lookUp(ctx, client)
	if err != nil {
		return err
	}
	dest, err := place.Open(in.Dest)
	if err != nil {
		return err
	}
	defer dest.Close()
	if !in.Quiet {
		fmt.Fprintf(in.stdout, "Your root file leads to root version %d, timestamp %d and snapshot %d.\n",
			session.Version("root"), session.Version("timestamp"), session.Version("snapshot"))
	}
	return in.install(ctx, &downloads{in.TargetsURL, client, dest}, lookups)
}

// lookUp updates the metadata and finds every target. When it returns, all
// trusted metadata is saved. If another process saves something newer in the
// meantime, it begins again from there.
func (in *installer) lookUp(
	ctx context.Context, client *http.Client,
) (session *verify.Session, lookups []*verify.Lookup, err error) {
	trustedRoot, err := os.ReadFile(in.Root)
	if err != nil {
		return nil, nil, err
	}
	dir, err := in.openCache()
	if err != nil {
		return nil, nil, err
	}
	var sources []verify.Source
	for _, base := range in.MetadataURL {
		sources = append(sources, mirror.New(base, client))
	}
	err = cachedir.Again(func() error {
		session, lookups, err = in.update(ctx, trustedRoot, dir, sources)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return session, lookups, missing(lookups)
}

// update is one session.
func (in *installer) update(
	ctx context.Context, trustedRoot []byte, store verify.Store, sources []verify.Source,
) (*verify.Session, []*verify.Lookup, error) {
	now := in.At
	if now.IsZero() {
		now = time.Now()
	}
	session, err := verify.New(trustedRoot, verify.LoadStored(ctx, store), now, verify.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", in.Root, err)
	}
	var lookups []*verify.Lookup
	for _, path := range in.Targets {
		lookups = append(lookups, session.Lookup(path))
	}
	err = session.Run(ctx, store, sources...)
	for _, warning := range session.Warnings() {
		fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("no trustworthy state of the repository is available:\n%w", err)
	}
	return session, lookups, nil
}

// missing returns an error for each target that was not found.
func missing(lookups []*verify.Lookup) error {
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			errs = append(errs, fmt.Errorf("%s is not installed:\n%w%s", metadata.Printable(l.Path()), err, trail(l)))
		}
	}
	return errors.Join(errs...)
}

// install installs the targets, a few at a time, and then says why they are
// trusted. If one fails, the others are still installed.
func (in *installer) install(ctx context.Context, d *downloads, lookups []*verify.Lookup) error {
	var (
		bars    = in.bars(ctx)
		slots   = make(chan struct{}, parallel)
		results = make([]string, len(lookups))
		errs    = make([]error, len(lookups))
		wait    sync.WaitGroup
	)
	for i, l := range lookups {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			newBar := func(t *verify.Target) *progress.Bar { return bars.Add(t.Path, t.Length, i) }
			results[i], errs[i] = d.installOne(ctx, l, newBar)
		})
	}
	wait.Wait()
	bars.Wait()
	if !in.Quiet {
		fmt.Fprint(in.stdout, strings.Join(results, ""))
	}
	return errors.Join(errs...)
}

// bars shows the progress of the downloads, unless in.Quiet.
func (in *installer) bars(ctx context.Context) progress.Bars {
	if in.Quiet {
		return progress.New(ctx, io.Discard)
	}
	return progress.New(ctx, in.stderr)
}

// installOne returns a text that says what was done, and why the file is
// trusted.
func (d *downloads) installOne(
	ctx context.Context, l *verify.Lookup, newBar func(*verify.Target) *progress.Bar,
) (string, error) {
	t, err := l.Target()
	if err != nil {
		return "", err
	}
	how := "already there, and verified"
	if !d.dest.Has(t) {
		how = "installed"
		if err := d.fetch(ctx, t, newBar(t)); err != nil {
			return "", fmt.Errorf("%s is not installed:\n%w", metadata.Printable(t.Path), err)
		}
	}
	text := fmt.Sprintf("\n%s: %s (%d bytes)%s\n", metadata.Printable(t.Path), how, t.Length, trail(l))
	for name, digest := range t.Hashes.All() {
		text += fmt.Sprintf("  %s %s\n", metadata.Printable(name), metadata.Printable(digest))
	}
	return text + fmt.Sprintf("  valid until %s\n", t.Expires.Format(time.RFC3339)), nil
}

// trail lists the roles of a search, and what each of them says.
func trail(l *verify.Lookup) (text string) {
	for _, step := range l.Trail() {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
