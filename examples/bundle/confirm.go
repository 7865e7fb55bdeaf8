package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

type confirmCmd struct {
	trust
	MetadataURL []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of metadata. Repeat it for more."`
	Record      string        `required:"" placeholder:"FILE" help:"${record}"`
	Dir         string        `default:"." placeholder:"DIR" help:"Where the files are installed (default: ${default})."`
	Timeout     time.Duration `default:"5m" help:"Give up after this time in all (default: ${default})."`

	mirrors *client.Mirrors
}

// Validate finds mistakes before the first request. Package kong calls it.
func (c *confirmCmd) Validate() (err error) {
	c.mirrors, err = client.NewMirrors(client.MirrorsConfig{Metadata: c.MetadataURL, Targets: c.MetadataURL})
	return err
}

// Run asks the repository about all files of the record. What cannot be found
// out leaves the record as it is.
func (c *confirmCmd) Run(ctx context.Context, out *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := c.load(out); err != nil {
		return err
	}
	r, unlock, err := openRecord(ctx, c.Record, out.stderr)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.see(c.At); err != nil {
		return err
	}
	s, err := c.begin(ctx, c.At)
	if err != nil {
		return err
	}
	lookups, err := find(ctx, c.newUpdate(s), c.mirrors.Sources(), slices.Sorted(maps.Keys(r.Files)))
	if err != nil && lookups == nil {
		return err
	}
	out.warn(s)
	var errs []error
	for _, l := range lookups {
		i, err := c.confirm(ctx, l, r.Files[l.Path()])
		if i.Status == isConfirmed || i.Status == isWithdrawn {
			i.Timestamp, i.Snapshot = s.Version(metadata.RoleTimestamp), s.Version(metadata.RoleSnapshot)
			r.Files[l.Path()] = i
		}
		if err == nil {
			fmt.Fprintf(out.stdout, "%s: confirmed, good until %s\n  listed by %s\n",
				metadata.Printable(l.Path()), i.Until.UTC().Format(time.RFC3339), i.listing())
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, r.save(c.Record, c.step))...)
}

// confirm compares one file with what the repository says now.
func (c *confirmCmd) confirm(ctx context.Context, l *verify.Lookup, i item) (item, error) {
	was := i
	t, err := l.Target()
	if err == nil {
		i.Target, i.Version, i.Until = &verifiedTarget{*t}, listedBy(l), t.Expires
		err = fits(ctx, c.Dir, t)
	}
	switch {
	case err == nil:
		i.Status = isConfirmed
		return i, nil
	case errors.Is(err, verify.ErrHash), errors.Is(err, verify.ErrLength):
		if now := fits(ctx, c.Dir, &was.Target.Target); now != nil { // it is not what was installed
			was.Status = ""
			return was, &OutcomeError{l.Path(), wrong, now}
		}
		fallthrough
	case errors.Is(err, verify.ErrNoTarget):
		was.Status = isWithdrawn
		return was, &OutcomeError{l.Path(), withdrawn, err}
	}
	was.Status = "" // not found out
	return was, err
}
