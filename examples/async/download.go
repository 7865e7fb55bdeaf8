package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// update is one session. It downloads each target as soon as it is found.
func (d *downloader) update(ctx context.Context, trustedRoot []byte) error {
	stored := verify.LoadStored(ctx, d.folder)
	options := verify.Options{Lookahead: client.DefaultLookahead}
	session, err := verify.New(trustedRoot, stored, cmp.Or(d.At, time.Now()), options)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Root, err)
	}
	places, errs := map[*verify.Lookup]int{}, make([]error, len(d.Targets))
	for i, path := range d.Targets {
		places[session.Lookup(path)] = i
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var downloads sync.WaitGroup
	found := func(l *verify.Lookup) { // it does not change any more, so a worker may read it
		downloads.Go(func() { errs[places[l]] = d.download(ctx, l) })
	}
	driver := &driver{
		downloader: d, session: session, answers: make(chan *question), ahead: map[verify.RequestID]*question{},
	}
	if err = driver.drive(ctx, found); err != nil {
		cancel(err) // what was found may not be used any more
	}
	downloads.Wait()
	for _, warning := range session.Warnings() {
		d.warn("update", warning)
	}
	if err != nil {
		return fmt.Errorf("no trustworthy state of the repository is available:\n%w", err)
	}
	return errors.Join(errs...)
}

func (d *downloader) warn(what string, err error) {
	d.bars.Print(d.stderr, cli.Printable(fmt.Sprintf("warning: %s: %v\n", what, err)))
}

// download downloads the target of a lookup that is done, with a bar.
func (d *downloader) download(ctx context.Context, l *verify.Lookup) error {
	d.slots <- struct{}{}
	defer func() { <-d.slots }()
	t, err := l.Target()
	var target client.Target
	if err == nil {
		target, err = client.TargetOf(t)
	}
	if err != nil {
		return fmt.Errorf("%s is not downloaded:\n%w", metadata.Printable(l.Path()), err)
	}
	bar, how := d.bars.Add(t.Path, t.Length), "already there, and verified"
	err = d.mirrors.Install(ctx, target, d.dest, t.Path, client.InstallOptions{
		Failed:   func(m client.MirrorFailed) { d.warn(m.Path, m.Err) },
		Progress: func(p client.Progress) { bar.Set(p.Done); how = "downloaded" },
	})
	bar.End()
	if err == nil {
		d.bars.Print(d.stdout, cli.Printable(fmt.Sprintf("%s: %s (%d bytes, role %s)\n", t.Path, how, t.Length, t.Role)))
	}
	return err
}
