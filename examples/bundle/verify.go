package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

type verifyCmd struct {
	trust
	Dest    string   `placeholder:"DIR" help:"Directory to extract into (default: verify only)."`
	Bundle  string   `arg:"" help:"The archive."`
	Targets []string `arg:"" name:"target" optional:"" help:"${targets}"`
}

// Validate finds mistakes before the archive is opened. Package kong calls it.
func (v *verifyCmd) Validate() error { return client.CheckNames(v.Targets) }

// Run verifies all targets, and extracts them only if all of them are good.
func (v *verifyCmd) Run(ctx context.Context, out *terminal) error {
	if err := v.load(out); err != nil {
		return err
	}
	a, err := openArchive(v.Bundle)
	if err != nil {
		return err
	}
	defer a.Close()
	s, err := v.begin(ctx, v.At)
	if err != nil {
		return err
	}
	lookups, err := verifyArchive(ctx, v.newUpdate(s), a, v.Targets)
	out.warn(s)
	if errors.Is(err, verify.ErrExpired) {
		err = v.stale(ctx, a, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", v.Bundle, err)
	}
	fmt.Fprintf(out.stdout, "%s:\ngood as of %s, valid until %s.\n"+
		"Your root file leads to root version %d, timestamp %d and snapshot %d.\n",
		v.Bundle, s.Time().UTC().Format(time.RFC3339), validUntil(lookups),
		s.Version(metadata.RoleRoot), s.Version(metadata.RoleTimestamp), s.Version(metadata.RoleSnapshot))
	return v.extract(ctx, out, a, lookups)
}

// verifyArchive verifies targets, to their last byte, from an archive only. If
// there is no list of targets, it verifies the whole archive.
func verifyArchive(ctx context.Context, u *update, a *archive, targets []string) ([]*verify.Lookup, error) {
	first, whole := u.Version(metadata.RoleRoot), len(targets) == 0
	if whole {
		if targets = a.targets(); len(targets) == 0 {
			return nil, errors.New("it has no targets")
		}
	}
	lookups, err := find(ctx, u, []client.Source{a}, targets)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, l := range lookups {
		t, err := l.Target()
		if err == nil {
			err = a.check(ctx, t)
		}
		errs = append(errs, err)
	}
	if whole {
		errs = append(errs, a.checkRest(first))
	}
	return lookups, errors.Join(errs...)
}

// checkRest refuses metadata that the session did not request. Roots up to the
// user's first one are allowed, for users of older roots. The session does not
// verify them, but each must be signed by its own keys.
func (a *archive) checkRest(first int64) error {
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if a.asked[name] || !strings.HasPrefix(name, metadataDir) {
			continue
		}
		if !strings.HasSuffix(name, ".root.json") {
			return fmt.Errorf("%s is not needed for the targets", metadata.Printable(name))
		}
		const maxRoot = 512_000 // a session's default
		data, err := a.read(name, maxRoot)
		if err != nil {
			return err
		}
		old, err := verify.New(data, verify.Stored{}, time.Now(), verify.Options{}) // checks the root's own signatures
		if err != nil {
			return fmt.Errorf("%s: %w", metadata.Printable(name), err)
		}
		v := old.Version(metadata.RoleRoot)
		if v > first || name != metadataDir+metadata.FileName(metadata.RoleRoot, v) {
			return fmt.Errorf("%s is not needed for the targets", metadata.Printable(name))
		}
	}
	return nil
}

// StaleError says that a bundle is old and otherwise good: it verifies as of a
// time just before Since. It wraps the *verify.ExpiredError of the file that
// expired first.
type StaleError struct {
	Since time.Time
	Err   *verify.ExpiredError
}

func (e *StaleError) Error() string {
	since := e.Since.UTC().Format(time.RFC3339)
	return fmt.Sprintf("stale since %s, and good otherwise\n%v\n"+
		"To accept a bundle of that date, verify with --at and a time before\n%s.", since, e.Err, since)
}

func (e *StaleError) Unwrap() error { return e.Err }

// stale finds out since when a bundle is stale, and whether it is good
// otherwise. It verifies the bundle as of earlier and earlier times, and saves
// nothing.
func (v *verifyCmd) stale(ctx context.Context, a *archive, err error) error {
	var first *verify.ExpiredError
	for e := new(verify.ExpiredError); errors.As(err, &e); {
		first = e
		s, failed := v.begin(ctx, e.Expires.Add(-time.Nanosecond))
		if failed != nil {
			return failed
		}
		_, err = verifyArchive(ctx, unsaved(s), a, v.Targets)
	}
	if err != nil {
		return fmt.Errorf("expired, and not good at an earlier time either:\n%w", err)
	}
	first.At = v.At
	return &StaleError{first.Expires, first}
}

// extract installs the targets. It verifies them again: the archive may have
// been changed in the meantime.
func (v *verifyCmd) extract(ctx context.Context, out *terminal, a *archive, lookups []*verify.Lookup) error {
	var dest *os.Root
	if v.Dest != "" {
		err := os.MkdirAll(v.Dest, 0o755)
		if err == nil {
			dest, err = os.OpenRoot(v.Dest)
		}
		if err != nil {
			return err
		}
		defer dest.Close()
	}
	for _, l := range lookups {
		t, err := l.Target()
		if err != nil {
			return err
		}
		done := "verified"
		if dest != nil {
			if err := a.install(ctx, t, dest); err != nil {
				return fmt.Errorf("%s is not extracted:\n%w", metadata.Printable(t.Path), err)
			}
			done = "extracted"
		}
		fmt.Fprintf(out.stdout, "\n%s: %s (%s)%s\n", metadata.Printable(t.Path), done, count(int(t.Length), "byte"), trail(l))
	}
	return nil
}

// validUntil returns when the first metadata file of the targets expires.
func validUntil(lookups []*verify.Lookup) string {
	var first time.Time
	for _, l := range lookups {
		if t, err := l.Target(); err == nil && (first.IsZero() || t.Expires.Before(first)) {
			first = t.Expires
		}
	}
	return first.UTC().Format(time.RFC3339)
}
