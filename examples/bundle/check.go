package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/internal/cli"
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
	damaged error  // why there is none
	noted   string // what was printed last
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
func (c *checkCmd) Run(ctx context.Context, out *terminal) error {
	if err := c.load(out); err != nil {
		return err
	}
	r, unlock, err := openRecord(ctx, c.Record, out.stderr)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.see(c.At); err != nil { // before anything is read or saved
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	if c.archive != nil {
		defer c.archive.Close()
	}
	var errs []error
	for _, path := range c.Files {
		errs = append(errs, c.one(ctx, out, r, path))
	}
	return errors.Join(append(errs, r.save(c.Record, c.step))...)
}

// open opens the bundle. One that is damaged is not used, if there is a saved
// state.
func (c *checkCmd) open() (err error) {
	if c.Bundle == "" {
		return nil
	}
	c.archive, err = openArchive(c.Bundle)
	if errors.Is(err, errDamaged) && c.state != nil {
		c.damaged, err = err, nil
	}
	return err
}

// one judges a file.
func (c *checkCmd) one(ctx context.Context, out *terminal, r *record, path string) error {
	a, err := c.judge(ctx, path)
	if a.target != nil && (err == nil || isOutcome(err, stale)) {
		r.Files[path] = a.item()
	}
	if a.note != "" && a.note != c.noted { // a damaged bundle is reported once
		fmt.Fprintln(out.stderr, cli.Printable(a.note))
		c.noted = a.note
	}
	if err != nil {
		return err
	}
	// The record is first: after a crash, what is installed is in it.
	if err := errors.Join(r.save(c.Record, c.step), c.install(ctx, a.target)); err != nil {
		return err
	}
	fmt.Fprintf(out.stdout, "%s: good until %s\n  listed by %s; timestamp %d, snapshot %d of %s\n",
		metadata.Printable(path), a.target.Expires.UTC().Format(time.RFC3339),
		a.item().listing(), a.timestamp, a.snapshot, a.source)
	return nil
}

// judge says what a file is, by the bundle or the saved state, whichever is
// newer, or by the saved state if the bundle cannot say.
func (c *checkCmd) judge(ctx context.Context, path string) (answer, error) {
	if c.Bundle == "" {
		return c.byState(ctx, path)
	}
	a, err := answer{}, c.damaged
	if c.archive != nil {
		a, err = c.ask(ctx, c.archive, path, true)
	}
	switch {
	case err == nil:
		return a, c.compare(ctx, a, path)
	case c.state == nil, isAnswer(err), errors.Is(err, verify.ErrSave), ctx.Err() != nil:
		return a, err
	case errors.Is(err, verify.ErrRollback), errors.Is(err, verify.ErrSuperseded):
		return c.insteadOfOld(ctx, path, err)
	}
	a, instead := c.byState(ctx, path)
	if instead != nil && !isAnswer(instead) {
		return a, fmt.Errorf("%s cannot be judged by the bundle:\n%w\nnor by %s:\n%w",
			metadata.Printable(path), err, savedState, instead)
	}
	a.note = fmt.Sprintf("warning: the bundle is not used, and %s is asked instead:\n  %s",
		savedState, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	return a, instead
}

// byState judges a file by the saved state.
func (c *checkCmd) byState(ctx context.Context, path string) (answer, error) {
	a, err := c.ask(ctx, nil, path, true)
	if err == nil {
		err = c.compare(ctx, a, path)
	}
	return a, err
}

// insteadOfOld judges a file by the saved state, since the bundle is older.
func (c *checkCmd) insteadOfOld(ctx context.Context, path string, rollback error) (answer, error) {
	a, err := c.byState(ctx, path)
	before, failed := c.ask(ctx, c.archive, path, false)
	name := metadata.Printable(path)
	switch {
	case failed != nil:
		a.note = fmt.Sprintf("note: %s: the bundle is older than %s, which is asked instead: %v", name, savedState, rollback)
	case a.target == nil:
		a.note = fmt.Sprintf("note: %s: the bundle is older than %s; listed by %s in the bundle",
			name, savedState, before.item().listing())
	default:
		a.note = fmt.Sprintf("note: %s: listed by %s in %s; the bundle's %s older",
			name, a.item().listing(), savedState, older(before, a))
	}
	if failed == nil && (isOutcome(err, wrong) || isOutcome(err, notListed)) && c.fits(ctx, before.target) == nil {
		err = &OutcomeError{path, goneBack, fmt.Errorf(
			"%s, timestamp %d of the bundle list these bytes,\nand timestamp %d of %s, which is newer, does not",
			before.item().listing(), before.timestamp, a.timestamp, savedState)}
	}
	return a, err
}

// older says what of one answer is older than that of another.
func older(before, now answer) string {
	switch {
	case before.target.Role != now.target.Role || before.version >= now.version:
		return fmt.Sprintf("timestamp %d is", before.timestamp)
	case before.target.Role == metadata.RoleTargets:
		return before.item().listing() + " are"
	}
	return before.item().listing() + " is"
}

// answer is what is known about a file.
type answer struct {
	target              *verify.Target
	version             int64 // of the role that lists it
	timestamp, snapshot int64
	since               time.Time // stale since then, zero if it is not
	source, note        string
}

func (a answer) item() item {
	i := item{&verifiedTarget{*a.target}, a.version, a.timestamp, a.snapshot, a.target.Expires, isGood}
	if !a.since.IsZero() {
		i.Until, i.Status = a.since, isStale
	}
	return i
}

// compare compares the bytes with the answer.
func (c *checkCmd) compare(ctx context.Context, a answer, path string) error {
	err := c.fits(ctx, a.target)
	switch {
	case errors.Is(err, verify.ErrHash), errors.Is(err, verify.ErrLength):
		return &OutcomeError{path, wrong, fmt.Errorf("listed by %s in %s: %w", a.item().listing(), a.source, err)}
	case err == nil && !a.since.IsZero():
		return &OutcomeError{path, stale, fmt.Errorf(
			"since %s; %s, timestamp %d of %s list these bytes,\nand nobody can say here whether the repository still does",
			a.since.UTC().Format(time.RFC3339), a.item().listing(), a.timestamp, a.source)}
	}
	return err
}

// ask looks a file up in a bundle; nil: in the saved state. What is expired is
// judged as of just before, and said to be stale; then nothing but roots is
// saved. The stored versions count only if stored is set.
func (c *checkCmd) ask(ctx context.Context, bundle *archive, path string, stored bool) (a answer, err error) {
	know := c.trust
	if !stored {
		know.state = nil
	}
	unlock, err := lockState(ctx, know.state)
	if err != nil {
		return a, err
	}
	defer unlock()
	sources := []client.Source{bundle}
	if bundle == nil {
		sources = savedSources(know.state)
	}
	a.source = sources[0].Name()
	err = know.look(ctx, &a, sources, path, true)
	for e := new(verify.ExpiredError); errors.As(err, &e); {
		a.since, know.At = e.Expires, e.Expires.Add(-time.Nanosecond)
		err = know.look(ctx, &a, sources, path, false)
	}
	if errors.Is(err, verify.ErrNoTarget) {
		err = &OutcomeError{path, notListed, fmt.Errorf("timestamp %d of %s: %w", a.timestamp, a.source, err)}
	}
	return a, err
}

// look is one lookup as of t.At.
func (t *trust) look(ctx context.Context, a *answer, sources []client.Source, path string, save bool) error {
	s, err := t.begin(ctx, t.At)
	if err != nil {
		return err
	}
	u, l := t.newUpdate(s), s.Lookup(path)
	if !save {
		u.state = nil
	}
	config := client.DriveConfig{Sources: func(string) []client.Source { return sources }}
	if t.state != nil {
		config.Store = func(string) verify.Store { return t.state }
	}
	if err := u.drive(ctx, config); err != nil {
		return err
	}
	a.timestamp, a.snapshot = s.Version(metadata.RoleTimestamp), s.Version(metadata.RoleSnapshot)
	a.version = listedBy(l)
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
	c.step("install")
	return client.InstallFrom(ctx, f, target, dest, t.Path, client.InstallOptions{})
}

// isAnswer says whether an error is an answer about the file.
func isAnswer(err error) bool { return errors.As(err, new(*OutcomeError)) }

func isOutcome(err error, code int) bool {
	var o *OutcomeError
	return errors.As(err, &o) && o.Code == code
}
