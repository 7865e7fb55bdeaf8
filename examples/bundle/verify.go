package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

type verifyCmd struct {
	trust
	Dest    string   `placeholder:"DIR" help:"Directory to extract into (default: verify only)."`
	Bundle  string   `arg:"" help:"The archive."`
	Targets []string `arg:"" name:"target" optional:"" help:"Target paths (default: all that are in the archive, which must hold nothing else then)."`
}

// Validate finds mistakes before the archive is opened. Package kong calls it.
func (v *verifyCmd) Validate() error { return place.CheckNames(v.Targets) }

// Run verifies everything that was asked for, and extracts only if all of it is
// good.
func (v *verifyCmd) Run(ctx context.Context, out *terminal) error {
	if err := v.load(); err != nil {
		return err
	}
	a, err := openArchive(v.Bundle)
	if err != nil {
		return err
	}
	defer a.Close()
	s, err := v.begin(v.At)
	if err != nil {
		return err
	}
	lookups, err := prove(ctx, s, v.memory(ctx, s), a, v.Targets)
	out.warn(s)
	if errors.Is(err, roles.ErrExpired) {
		err = v.stale(ctx, a, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", v.Bundle, err)
	}
	fmt.Fprintf(out.stdout, "%s: good as of %s, and until %s.\nYour root file leads to root version %d, timestamp %d and snapshot %d.\n", v.Bundle,
		s.Time().UTC().Format(time.RFC3339), goodUntil(lookups), s.Version("root"), s.Version("timestamp"), s.Version("snapshot"))
	return v.extract(ctx, out, a, lookups)
}

// prove verifies targets from an archive alone, to their last byte. If none are
// named it is about the whole archive.
func prove(ctx context.Context, s *verify.Session, store verify.Store, a *archive, targets []string) ([]*verify.Lookup, error) {
	anchor, whole := s.Version("root"), len(targets) == 0
	if whole {
		if targets = a.targets(); len(targets) == 0 {
			return nil, errors.New("there is no target in it")
		}
	}
	lookups, err := find(s, store, a.source, targets)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, l := range lookups {
		t, err := l.Target()
		if err == nil {
			err = a.copy(ctx, io.Discard, t)
		}
		errs = append(errs, err)
	}
	if whole {
		errs = append(errs, a.checkRest(anchor))
	}
	return lookups, errors.Join(errs...)
}

// checkRest finds metadata that the session had no use for. Roots up to the
// user's own may lie there, for users of older ones; nothing vouches for them,
// but they can be seen to be whole.
func (a *archive) checkRest(anchor int64) error {
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if a.asked[name] || !strings.HasPrefix(name, metadataDir) {
			continue
		}
		if !strings.HasSuffix(name, ".root.json") {
			return fmt.Errorf("%s is of no use to its targets", name)
		}
		const maxRoot = 512_000 // a session's default
		data, err := a.read(name, maxRoot)
		if err != nil {
			return err
		}
		old, err := verify.New(data, verify.Stored{}, time.Now(), verify.Options{}) // a root must be signed by its own keys
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if v := old.Version("root"); v > anchor || name != metadataDir+metadata.FileName("root", v) {
			return fmt.Errorf("%s is of no use to its targets", name)
		}
	}
	return nil
}

// StaleError says that a bundle is good but for its age: as of a time just
// before Since it verifies. It wraps a *roles.ExpiredError about the file that
// expired first.
type StaleError struct {
	Since time.Time
	Err   *roles.ExpiredError
}

func (e *StaleError) Error() string {
	since := e.Since.UTC().Format(time.RFC3339)
	return fmt.Sprintf("stale since %s, and good otherwise\n%v\nTo accept a bundle of that date, verify with --at and a time before %s.", since, e.Err, since)
}

func (e *StaleError) Unwrap() error { return e.Err }

// stale finds out since when a bundle is stale, and whether it is good
// otherwise, by judging it as of ever earlier times. Nothing of that is
// remembered.
func (v *verifyCmd) stale(ctx context.Context, a *archive, err error) error {
	var first *roles.ExpiredError
	for e := new(roles.ExpiredError); errors.As(err, &e); {
		first = e
		s, failed := v.begin(e.Expires.Add(-time.Nanosecond))
		if failed != nil {
			return failed
		}
		_, err = prove(ctx, s, nil, a, v.Targets)
	}
	if err != nil {
		return fmt.Errorf("expired, and not good before that either:\n%w", err)
	}
	first.At = v.At
	return &StaleError{first.Expires, first}
}

// extract puts the targets into place. They are verified once more on the way:
// the archive may have been changed meanwhile.
func (v *verifyCmd) extract(ctx context.Context, out *terminal, a *archive, lookups []*verify.Lookup) error {
	var dest *place.Dir
	if v.Dest != "" {
		var err error
		if dest, err = place.Open(v.Dest); err != nil {
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
			if err := dest.Write(t.Path, func(w io.Writer) error { return a.copy(ctx, w, t) }); err != nil {
				return fmt.Errorf("%s is not extracted:\n%w", t.Path, err)
			}
			done = "extracted to " + dest.File(t.Path)
		}
		fmt.Fprintf(out.stdout, "\n%s: %s (%d bytes)%s\n", t.Path, done, t.Length, trail(l))
	}
	return nil
}

// goodUntil is when the first of the files that vouch for the targets expires.
func goodUntil(lookups []*verify.Lookup) string {
	var first time.Time
	for _, l := range lookups {
		if t, err := l.Target(); err == nil && (first.IsZero() || t.Expires.Before(first)) {
			first = t.Expires
		}
	}
	return first.UTC().Format(time.RFC3339)
}
