package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// maxMap is more than a map may have.
const maxMap = 2 << 20

// installer is one run of the program: what the command line says, and where to
// write.
type installer struct {
	Targets []string          `arg:"" name:"target" help:"Target paths to install."`
	Map     string            `required:"" placeholder:"FILE" help:"The TAP 4 map. Like the root files it must come from a place that you trust."`
	Root    map[string]string `required:"" placeholder:"NAME=FILE" mapsep:"none" help:"The root file that you trust for a repository of the map. One for each."`
	Dest    string            `default:"." placeholder:"DIR" help:"Directory to install into (default: this one)."`
	Cache   string            `placeholder:"DIR" help:"Directory for metadata, with a folder for each repository (default: in your cache)."`
	At      time.Time         `placeholder:"TIME" help:"Judge expiry as of this time, in RFC 3339 (default: now)."`
	Timeout time.Duration     `default:"30m" help:"Give up after this time in all (default: ${default})."`

	stdout, stderr io.Writer
}

// Validate finds mistakes before anything is asked of anybody. Package kong
// calls it.
func (in *installer) Validate() error {
	return place.CheckNames(in.Targets)
}

// run brings all repositories up to date, looks all targets up, and then
// installs them.
func (in *installer) run(ctx context.Context) error {
	r, err := in.open(ctx, mirror.NewClient())
	if err != nil {
		return err
	}
	var lookups []*multirepo.Lookup
	for _, path := range in.Targets {
		lookups = append(lookups, r.group.Lookup(path))
	}
	r.drive(ctx)
	for _, warning := range r.group.Warnings() {
		fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	if err := errors.Join(r.group.Err(), missing(lookups)); err != nil {
		return err
	}
	dest, err := place.Open(in.Dest)
	if err != nil {
		return err
	}
	defer dest.Close()
	var errs []error
	for _, l := range lookups {
		errs = append(errs, in.installOne(ctx, r, dest, l))
	}
	return errors.Join(errs...)
}

// readMap reads and checks the map.
func readMap(path string) (*metadata.Map, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMap))
	if err != nil {
		return nil, err
	}
	m, err := metadata.ParseMap(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, urls := range m.Repositories() {
		for _, u := range urls {
			if err := mirror.CheckBase(u); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return m, nil
}

// missing says which targets are not trusted, and who said what of them.
func missing(lookups []*multirepo.Lookup) error {
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			steps := l.Trail()
			if agreement := new(multirepo.AgreementError); errors.As(err, &agreement) {
				steps = steps[:len(steps)-1] // the error says what the last one does
			}
			errs = append(errs, fmt.Errorf("%s is not installed:\n%w%s", l.Path(), err, trail(steps)))
		}
	}
	return errors.Join(errs...)
}

// installOne brings a target into place, from any mirror of any repository that
// vouches for it, and says why it is trusted.
func (in *installer) installOne(ctx context.Context, r *repositories, dest *place.Dir, l *multirepo.Lookup) error {
	t, err := l.Target()
	if err != nil {
		return err
	}
	from, err := r.fetch(ctx, dest, t)
	if err != nil {
		return fmt.Errorf("%s is not installed:\n%w", t.Path, err)
	}
	text := fmt.Sprintf("%s: installed (%d bytes, from %s)%s\n", dest.File(t.Path), t.Length, from, trail(l.Trail()))
	for _, h := range t.Hashes {
		text += fmt.Sprintf("  %s %s\n", h.Algorithm, h.Digest)
	}
	_, err = fmt.Fprintf(in.stdout, "%s  good until %s\n", cli.Printable(text), t.Expires.Format(time.RFC3339))
	return err
}

// fetch tries the mirrors of all who vouch for the target. Whoever sends it, it
// is held to what they agreed on.
func (r *repositories) fetch(ctx context.Context, dest *place.Dir, t *multirepo.Target) (from string, err error) {
	var errs []error
	for _, v := range t.Attestations {
		paths, err := v.URLPaths()
		if err != nil {
			errs = append(errs, err)
		}
		for _, base := range r.urls[v.Repository] {
			for _, path := range paths {
				err := fetchFrom(ctx, r.client, base+"/targets", path, dest, t)
				if err == nil {
					return v.Repository, nil
				}
				errs = append(errs, err)
			}
		}
	}
	return "", errors.Join(errs...)
}

func fetchFrom(ctx context.Context, client *http.Client, base, path string, dest *place.Dir, t *multirepo.Target) error {
	body, err := mirror.Get(ctx, client, base, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := dest.Write(t.Path, func(w io.Writer) error { return t.Copy(w, body) }); err != nil {
		return fmt.Errorf("%s/%s: %w", base, path, err)
	}
	return nil
}

// trail lists who was asked, and what they said.
func trail(steps []multirepo.Step) (text string) {
	for _, step := range steps {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
