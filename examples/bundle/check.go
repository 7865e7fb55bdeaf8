package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

type checkCmd struct {
	trust
	Bundle string   `placeholder:"FILE" help:"A bundle with metadata. Without it, only the saved state counts."`
	Dir    string   `default:"." placeholder:"DIR" help:"Where the files are, by target path (default: ${default})."`
	Record string   `placeholder:"FILE" help:"${record}"`
	Dest   string   `placeholder:"DIR" help:"Directory to install good files into (default: check only)."`
	Files  []string `arg:"" name:"file" help:"Target paths of files that came some other way."`

	archive *archive
}

// Validate finds mistakes before anything is read. Package kong calls it.
func (c *checkCmd) Validate() error {
	if c.Bundle == "" && c.State == "" {
		return errors.New("--bundle or --state is needed")
	}
	return client.CheckNames(c.Files)
}

// Run judges each file, records those that are good or stale, and installs the
// good ones.
func (c *checkCmd) Run(ctx context.Context, out *terminal) (err error) {
	if err := c.load(); err != nil {
		return err
	}
	r, err := loadRecord(c.Record)
	if err != nil {
		return err
	}
	if err := r.see(c.At); err != nil { // before anything is read or saved
		return err
	}
	if c.Bundle != "" {
		if c.archive, err = openArchive(c.Bundle); err != nil {
			return err
		}
		defer c.archive.Close()
	}
	var errs []error
	for _, path := range c.Files {
		a, err := c.judge(ctx, path)
		if a.target != nil && (err == nil || isOutcome(err, stale)) {
			r.Files[path] = a.item()
		}
		if a.note != "" {
			fmt.Fprintf(out.stderr, "note: %s\n", metadata.Printable(a.note))
		}
		if err == nil {
			// The record is first: after a crash, what is installed is in it.
			if err = errors.Join(r.save(c.Record), c.install(ctx, a.target)); err == nil {
				fmt.Fprintf(out.stdout, "%s: good until %s\n  listed by %s, timestamp %d, snapshot %d of %s\n",
					metadata.Printable(path), a.target.Expires.UTC().Format(time.RFC3339),
					metadata.Printable(a.target.Role), a.timestamp, a.snapshot, a.source)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, r.save(c.Record))...)
}

// answer is what is known about a file.
type answer struct {
	target              *verify.Target
	timestamp, snapshot int64
	since               time.Time // stale since then, zero if it is not
	source, note        string
}

func (a answer) item() item {
	i := item{&verifiedTarget{*a.target}, a.timestamp, a.snapshot, a.target.Expires, isGood}
	if !a.since.IsZero() {
		i.Until, i.Status = a.since, isStale
	}
	return i
}

const savedState = "your saved state"

// judge says what a file is, by the bundle or the saved state, whichever is
// newer.
func (c *checkCmd) judge(ctx context.Context, path string) (a answer, err error) {
	old := false // the bundle is older than the saved state
	if c.archive != nil {
		a, err = c.ask(ctx, c.archive, path, c.State != "")
		old = errors.Is(err, verify.ErrRollback) && c.state != nil
	}
	if c.archive == nil || old {
		note := ""
		if old {
			note = fmt.Sprintf("the bundle is older than %s, which is asked instead: %v", savedState, err)
		}
		a, err = c.ask(ctx, stateSource{verify.StoreSource(c.state)}, path, true)
		a.note = note
	}
	if err == nil {
		err = c.compare(ctx, a, path)
	}
	if old && (isOutcome(err, wrong) || isOutcome(err, notListed)) {
		before, failed := c.ask(ctx, c.archive, path, false)
		if failed == nil && c.fits(ctx, before.target) == nil {
			err = &OutcomeError{path, goneBack, fmt.Errorf(
				"timestamp %d of the bundle lists these bytes, and a newer one in %s does not", before.timestamp, savedState)}
		}
	}
	return a, err
}

// compare compares the bytes with the answer.
func (c *checkCmd) compare(ctx context.Context, a answer, path string) error {
	err := c.fits(ctx, a.target)
	switch {
	case errors.Is(err, verify.ErrHash), errors.Is(err, verify.ErrLength):
		return &OutcomeError{path, wrong, err}
	case err == nil && !a.since.IsZero():
		return &OutcomeError{path, stale, fmt.Errorf(
			"since %s; timestamp %d of %s lists these bytes,\nand nobody can say here whether the repository still does",
			a.since.UTC().Format(time.RFC3339), a.timestamp, a.source)}
	}
	return err
}

// ask looks a file up at one source. What is expired is judged as of just
// before, and said to be stale; then nothing is saved.
func (c *checkCmd) ask(ctx context.Context, from client.Source, path string, stored bool) (a answer, err error) {
	a.source = from.Name()
	err = c.look(ctx, &a, from, path, c.At, stored, stored)
	for e := new(verify.ExpiredError); errors.As(err, &e); {
		a.since = e.Expires
		err = c.look(ctx, &a, from, path, e.Expires.Add(-time.Nanosecond), stored, false)
	}
	if errors.Is(err, verify.ErrNoTarget) {
		err = &OutcomeError{path, notListed, fmt.Errorf("timestamp %d of %s: %w", a.timestamp, a.source, err)}
	}
	return a, err
}

// look is one lookup as of a time, with rollback protection if stored is set.
func (c *checkCmd) look(
	ctx context.Context, a *answer, from client.Source, path string, at time.Time, stored, save bool,
) error {
	know := c.trust
	if !stored {
		know.state = nil
	}
	s, err := know.begin(ctx, at)
	if err != nil {
		return err
	}
	u, l := update{Session: s}, s.Lookup(path)
	if save {
		u.state = know.state
	}
	config := client.DriveConfig{Sources: func(string) []client.Source { return []client.Source{from} }}
	if know.state != nil {
		config.Store = func(string) verify.Store { return know.state }
	}
	if err := client.Drive(ctx, u, config); err != nil {
		return err
	}
	a.timestamp, a.snapshot = s.Version(metadata.RoleTimestamp), s.Version(metadata.RoleSnapshot)
	a.target, err = l.Target()
	return err
}

// fits returns nil only if the file has the bytes of the target.
func (c *checkCmd) fits(ctx context.Context, t *verify.Target) error { return fits(ctx, c.Dir, t) }

func fits(ctx context.Context, folder string, t *verify.Target) error {
	f, err := openIn(folder, t.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.Copy(io.Discard, interruptible{ctx, f})
}

// openIn opens a file that is inside a folder, whatever its name and links say.
func openIn(folder, path string) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(path)
}

// install puts a file in its place. Its bytes are verified again on the way.
func (c *checkCmd) install(ctx context.Context, t *verify.Target) error {
	if c.Dest == "" {
		return nil
	}
	target, err := client.TargetOf(t)
	if err == nil {
		err = os.MkdirAll(c.Dest, 0o755)
	}
	if err != nil {
		return err
	}
	dest, err := os.OpenRoot(c.Dest)
	if err != nil {
		return err
	}
	defer dest.Close()
	f, err := openIn(c.Dir, t.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return client.InstallFrom(ctx, f, target, dest, t.Path, client.InstallOptions{})
}

// stateSource is the saved state as a source.
type stateSource struct{ fetch verify.Source }

func (s stateSource) Name() string { return savedState }

func (s stateSource) Fetch(ctx context.Context, q verify.Request) ([]byte, error) {
	return s.fetch(ctx, q)
}

func isOutcome(err error, code int) bool {
	var o *OutcomeError
	return errors.As(err, &o) && o.Code == code
}
