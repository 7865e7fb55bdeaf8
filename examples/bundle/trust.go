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

// trust has the flags of a session. They are the same for packing and
// verifying.
type trust struct {
	Root  string    `required:"" placeholder:"FILE" help:"${root}"`
	At    time.Time `placeholder:"TIME" help:"${at}"`
	State string    `placeholder:"DIR" help:"${state}"`

	trustedRoot []byte
	state       *cachedir.Dir
}

func (t *trust) load() (err error) {
	if t.trustedRoot, err = os.ReadFile(t.Root); err != nil {
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

// begin starts a session as of a time. Stored files protect against rollback at
// any time.
func (t *trust) begin(at time.Time) (*verify.Session, error) {
	var stored verify.Stored
	if t.state != nil {
		stored = verify.LoadStored(context.Background(), t.state)
	}
	s, err := verify.New(t.trustedRoot, stored, at, verify.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Root, err)
	}
	return s, nil
}

// find updates the session from one source, and returns a lookup that is done
// for each target. The store may be nil.
func find(
	s *verify.Session, store verify.Store, source verify.Source, targets []string,
) ([]*verify.Lookup, error) {
	var lookups []*verify.Lookup
	for _, path := range targets {
		lookups = append(lookups, s.Lookup(path))
	}
	if err := s.Run(context.Background(), store, source); err != nil {
		return nil, fmt.Errorf("no trustworthy state of the repository is available:\n%w", err)
	}
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			errs = append(errs, fmt.Errorf("%s cannot be verified:\n%w%s", l.Path(), err, trail(l)))
		}
	}
	return lookups, errors.Join(errs...)
}

// memory returns the store that saves the files that the session trusts, or nil
// without --state.
func (t *trust) memory(ctx context.Context, s *verify.Session) verify.Store {
	if t.state == nil {
		return nil
	}
	return memory{t.state.Shared(ctx, s)}
}

// memory saves files and never answers a request: all files have to be in the
// bundle.
type memory struct{ verify.Store }

func (memory) Load(_ context.Context, _ string) ([]byte, error) { return nil, fs.ErrNotExist }

// warn prints the warnings of a session.
func (out *terminal) warn(s *verify.Session) {
	for _, warning := range s.Warnings() {
		fmt.Fprintf(out.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
}

// trail lists the roles of a search, and what each of them says.
func trail(l *verify.Lookup) (text string) {
	for _, step := range l.Trail() {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
