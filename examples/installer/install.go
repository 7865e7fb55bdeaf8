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

	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/verify"
)

// parallel is how many targets are downloaded at once.
const parallel = 3

// installer is one run of the program: what the command line says, and where to
// write.
type installer struct {
	Targets     []string      `arg:"" name:"target" help:"Target paths to install."`
	Root        string        `required:"" placeholder:"FILE" help:"The root file that you trust, of any version; never one from a cache."`
	MetadataURL []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of the metadata. Repeat it for more mirrors, all of which must be up."`
	TargetsURL  []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of the target files. Repeat it for more mirrors."`
	Dest        string        `default:"." placeholder:"DIR" help:"Directory to install into (default: this one)."`
	Cache       string        `placeholder:"DIR" help:"Directory for metadata (default: one per repository in your cache)."`
	At          time.Time     `placeholder:"TIME" help:"Judge expiry as of this time, in RFC 3339 (default: now)."`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`
	Quiet       bool          `short:"q" help:"Print warnings and errors only."`

	stdout, stderr io.Writer
}

// Validate finds mistakes before anything is asked of anybody. Package kong
// calls it.
func (in *installer) Validate() error {
	for _, s := range slices.Concat(in.MetadataURL, in.TargetsURL) {
		if err := mirror.CheckBase(s); err != nil {
			return err
		}
	}
	return place.CheckNames(in.Targets)
}

// run refreshes, looks all targets up, and then installs them. Nothing is
// downloaded unless all of them are found.
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
	return in.install(ctx, client, dest, lookups)
}

// lookUp brings the session up to date and finds every target. All that it
// trusts has been saved when it returns.
func (in *installer) lookUp(ctx context.Context, client *http.Client) (*verify.Session, []*verify.Lookup, error) {
	anchor, err := os.ReadFile(in.Root)
	if err != nil {
		return nil, nil, err
	}
	dir, err := in.openCache()
	if err != nil {
		return nil, nil, err
	}
	now := in.At
	if now.IsZero() {
		now = time.Now()
	}
	session, err := verify.New(anchor, verify.LoadStored(dir.Load), now, verify.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", in.Root, err)
	}
	var lookups []*verify.Lookup
	for _, path := range in.Targets {
		lookups = append(lookups, session.Lookup(path))
	}
	var sources []verify.Source
	for _, base := range in.MetadataURL {
		sources = append(sources, mirror.WithContext(ctx, base, client))
	}
	err = session.Run(dir.Shared(ctx, session), sources...)
	for _, warning := range session.Warnings() {
		fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("no trustworthy state of the repository could be had:\n%w", err)
	}
	return session, lookups, missing(lookups)
}

// missing says which targets were not found, and why.
func missing(lookups []*verify.Lookup) error {
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			errs = append(errs, fmt.Errorf("%s is not installed:\n%w%s", l.Path(), err, trail(l)))
		}
	}
	return errors.Join(errs...)
}

// install brings the targets into place, some at a time, and then says why they
// are trusted. One that fails keeps none of the others from being installed.
func (in *installer) install(ctx context.Context, client *http.Client, dest *place.Dir, lookups []*verify.Lookup) error {
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
			results[i], errs[i] = in.installOne(ctx, client, dest, l, func(t *verify.Target) *progress.Bar { return bars.Add(t.Path, t.Length, i) })
		})
	}
	wait.Wait()
	bars.Wait()
	if !in.Quiet {
		fmt.Fprint(in.stdout, strings.Join(results, ""))
	}
	return errors.Join(errs...)
}

// bars shows how the downloads go on, unless in.Quiet.
func (in *installer) bars(ctx context.Context) progress.Bars {
	if in.Quiet {
		return progress.New(ctx, io.Discard)
	}
	return progress.New(ctx, in.stderr)
}

// installOne returns a text that says what was done, and why the file is
// trusted.
func (in *installer) installOne(ctx context.Context, client *http.Client, dest *place.Dir, l *verify.Lookup, newBar func(*verify.Target) *progress.Bar) (string, error) {
	t, err := l.Target()
	if err != nil {
		return "", err
	}
	how := "was there already, and is verified"
	if !dest.Has(t) {
		how = "installed"
		if err := in.fetch(ctx, client, dest, t, newBar(t)); err != nil {
			return "", fmt.Errorf("%s is not installed:\n%w", t.Path, err)
		}
	}
	text := fmt.Sprintf("\n%s: %s (%d bytes)%s\n", dest.File(t.Path), how, t.Length, trail(l))
	for name, digest := range t.Hashes.All() {
		text += fmt.Sprintf("  %s %s\n", name, digest)
	}
	return text + fmt.Sprintf("  good until %s\n", t.Expires.Format(time.RFC3339)), nil
}

// trail lists who was asked, and what they said.
func trail(l *verify.Lookup) (text string) {
	for _, step := range l.Trail() {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
