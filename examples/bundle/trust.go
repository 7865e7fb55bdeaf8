package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/verify"
)

// trust is what a user brings along: by it the repository is judged, on both
// sides of the gap.
type trust struct {
	Root  string    `required:"" placeholder:"FILE" help:"The root file that you trust, of any version; never one from a bundle."`
	At    time.Time `placeholder:"TIME" help:"Judge expiry as of this time, in RFC 3339 (default: now)."`
	State string    `placeholder:"DIR" help:"Directory that remembers the newest versions seen, so that older ones are refused from then on (default: nothing is remembered)."`

	anchor []byte
	state  *cachedir.Dir
}

func (t *trust) load() (err error) {
	if t.anchor, err = os.ReadFile(t.Root); err != nil {
		return err
	}
	if t.At.IsZero() {
		t.At = time.Now()
	}
	if t.State != "" {
		t.state, err = cachedir.Open(t.State)
	}
	return err
}

// begin starts a session as of a time. What is remembered counts, whatever the
// time.
func (t *trust) begin(at time.Time) (*verify.Session, error) {
	var stored verify.Stored
	if t.state != nil {
		stored = verify.LoadStored(t.state.Load)
	}
	s, err := verify.New(t.anchor, stored, at, verify.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Root, err)
	}
	return s, nil
}

// find goes through a cycle with one source and returns a settled lookup for
// each target. The store may be nil.
func find(s *verify.Session, store verify.Store, source verify.Source, targets []string) ([]*verify.Lookup, error) {
	var lookups []*verify.Lookup
	for _, path := range targets {
		lookups = append(lookups, s.Lookup(path))
	}
	if err := s.Run(store, source); err != nil {
		return nil, fmt.Errorf("no trustworthy state of the repository could be had:\n%w", err)
	}
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			errs = append(errs, fmt.Errorf("%s cannot be verified:\n%w%s", l.Path(), err, trail(l)))
		}
	}
	return lookups, errors.Join(errs...)
}

// memory returns the store that remembers what the session trusts; nil if
// nothing is to be remembered.
func (t *trust) memory(ctx context.Context, s *verify.Session) verify.Store {
	if t.state == nil {
		return nil
	}
	return memory{t.state.Shared(ctx, s)}
}

// memory saves and never answers: all that a session takes has to be in the
// bundle.
type memory struct{ verify.Store }

func (memory) Load(string) ([]byte, error) { return nil, fs.ErrNotExist }

// warn tells what did not stop the session but must not be silent.
func (out *terminal) warn(s *verify.Session) {
	for _, warning := range s.Warnings() {
		fmt.Fprintf(out.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
}

// trail lists who was asked for a target, and what they said.
func trail(l *verify.Lookup) (text string) {
	for _, step := range l.Trail() {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
