package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// maxMap is the limit for a map, in bytes.
const maxMap = 2 << 20

// installer is one run of the program: the command line, and where to write.
type installer struct {
	Targets []string          `arg:"" name:"target" help:"Target paths to install."`
	Map     string            `required:"" placeholder:"FILE" help:"${map}"`
	Root    map[string]string `required:"" placeholder:"NAME=FILE" mapsep:"none" help:"${roots}"`
	Dest    string            `default:"." placeholder:"DIR" help:"Directory to install into (default: this one)."`
	Cache   string            `placeholder:"DIR" help:"${cache}"`
	At      time.Time         `placeholder:"TIME" help:"${at}"`
	Timeout time.Duration     `default:"30m" help:"Give up after this time in all (default: ${default})."`

	stdout, stderr io.Writer
}

// Validate finds mistakes before the first request. Package kong calls it.
func (in *installer) Validate() error {
	return place.CheckNames(in.Targets)
}

// run updates all repositories, looks up all targets, and then installs them.
func (in *installer) run(ctx context.Context) error {
	r, err := in.open(mirror.NewClient())
	if err != nil {
		return err
	}
	var lookups []*multirepo.Lookup
	err = cachedir.Again(func() error {
		lookups, err = in.update(ctx, r)
		return err
	})
	if err := errors.Join(err, missing(lookups)); err != nil {
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

// update is one group: it updates all repositories, and looks up all targets.
func (in *installer) update(ctx context.Context, r *repositories) (lookups []*multirepo.Lookup, err error) {
	if err := r.begin(ctx, in.At); err != nil {
		return nil, err
	}
	for _, path := range in.Targets {
		lookups = append(lookups, r.group.Lookup(path))
	}
	r.drive(ctx)
	err = r.group.Err()
	if errors.Is(err, verify.ErrSuperseded) { // this update means nothing any more
		return nil, err
	}
	for _, warning := range r.group.Warnings() {
		fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	return lookups, err
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

// missing returns an error for each target that is not trusted, with what each
// repository says of it.
func missing(lookups []*multirepo.Lookup) error {
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			steps := l.Trail()
			if agreement := new(multirepo.AgreementError); errors.As(err, &agreement) {
				steps = steps[:len(steps)-1] // the error says the same as the last step
			}
			errs = append(errs, fmt.Errorf("%s is not installed:\n%w%s", metadata.Printable(l.Path()), err, trail(steps)))
		}
	}
	return errors.Join(errs...)
}

// installOne installs a target, from any mirror of any repository that attests
// it, and says why it is trusted.
func (in *installer) installOne(ctx context.Context, r *repositories, dest *place.Dir, l *multirepo.Lookup) error {
	t, err := l.Target()
	if err != nil {
		return err
	}
	from, err := r.fetch(ctx, dest, t)
	if err != nil {
		return fmt.Errorf("%s is not installed:\n%w", metadata.Printable(t.Path), err)
	}
	text := fmt.Sprintf("%s: installed (%d bytes, from %s)%s\n",
		metadata.Printable(t.Path), t.Length, from, trail(l.Trail()))
	for _, h := range t.Hashes {
		text += fmt.Sprintf("  %s %s\n", metadata.Printable(h.Algorithm), metadata.Printable(h.Digest))
	}
	_, err = fmt.Fprintf(in.stdout, "%s  valid until %s\n", cli.Printable(text), t.Expires.Format(time.RFC3339))
	return err
}

// fetch tries the mirrors of all repositories that attest the target. The file
// must match their attestations, whichever mirror sends it.
func (r *repositories) fetch(
	ctx context.Context, dest *place.Dir, t *multirepo.Target,
) (from string, err error) {
	var errs []error
	for _, a := range t.Attestations {
		paths, err := a.URLPaths()
		if err != nil {
			errs = append(errs, err)
		}
		for _, base := range r.urls[a.Repository] {
			for _, path := range paths {
				err := r.fetchFrom(ctx, base+"/targets", path, dest, t)
				if err == nil {
					return a.Repository, nil
				}
				errs = append(errs, err)
			}
		}
	}
	return "", errors.Join(errs...)
}

func (r *repositories) fetchFrom(
	ctx context.Context, base, path string, dest *place.Dir, t *multirepo.Target,
) error {
	body, err := mirror.Get(ctx, r.client, base, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := dest.Write(t.Path, func(w io.Writer) error { return t.Copy(w, body) }); err != nil {
		return fmt.Errorf("%s/%s: %w", base, path, err)
	}
	return nil
}

// trail lists the repositories, and what each of them says.
func trail(steps []multirepo.Step) (text string) {
	for _, step := range steps {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
