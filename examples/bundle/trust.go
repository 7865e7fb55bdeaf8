package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// trust has the flags of a session. They are the same for packing and
// verifying.
type trust struct {
	Root  string    `required:"" placeholder:"FILE" help:"${root}"`
	At    time.Time `placeholder:"TIME" help:"${at}"`
	State string    `placeholder:"DIR" help:"${state}"`

	trustedRoot []byte
	state       *client.Folder
	step        func(string)
}

func (t *trust) load(out *terminal) (err error) {
	t.step = out.step
	if t.trustedRoot, err = os.ReadFile(t.Root); err != nil {
		return err
	}
	if t.At.IsZero() {
		t.At = time.Now()
	}
	if t.State != "" {
		t.state, err = client.OpenFolder(t.State)
	}
	return err
}

// begin starts a session as of a time. Stored files protect against rollback at
// any time.
func (t *trust) begin(ctx context.Context, at time.Time) (*verify.Session, error) {
	var stored verify.Stored
	if t.state != nil {
		stored = verify.LoadStored(ctx, t.state)
	}
	s, err := verify.New(t.trustedRoot, stored, at, verify.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Root, err)
	}
	return s, nil
}

// find updates the session from its sources, and returns a lookup that is done
// for each target. The state is locked only while something is saved: the
// sources may be slow.
func find(ctx context.Context, u *update, sources []client.Source, targets []string) ([]*verify.Lookup, error) {
	var lookups []*verify.Lookup
	for _, path := range targets {
		lookups = append(lookups, u.Lookup(path))
	}
	config := client.DriveConfig{Sources: func(string) []client.Source { return sources }}
	err := client.Drive(ctx, u, config)
	if ctx.Err() == nil {
		unlock, failed := lockState(ctx, u.state)
		if failed != nil {
			return nil, failed
		}
		failed = u.save(ctx, err == nil)
		unlock()
		if failed != nil {
			return nil, failed
		}
	}
	if err != nil {
		return nil, fmt.Errorf("no trustworthy state of the repository is available:\n%w", err)
	}
	var errs []error
	for _, l := range lookups {
		if _, err := l.Target(); err != nil {
			errs = append(errs, fmt.Errorf("%s cannot be verified:\n%w%s", metadata.Printable(l.Path()), err, trail(l)))
		}
	}
	return lookups, errors.Join(errs...)
}

// warn prints the warnings of a session.
func (out *terminal) warn(s *verify.Session) {
	for _, warning := range s.Warnings() {
		fmt.Fprintf(out.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
}

// listedBy returns the version of the role that lists the target; 0: none does.
func listedBy(l *verify.Lookup) (version int64) {
	for _, step := range l.Trail() {
		if step.Lists {
			version = step.Version
		}
	}
	return version
}

// trail lists the roles of a search, and what each of them says.
func trail(l *verify.Lookup) (text string) {
	for _, step := range l.Trail() {
		text += "\n  " + cli.Printable(step.String())
	}
	return text
}
