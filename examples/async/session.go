package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
	mirrorhttp "github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/verify"
)

// lookahead is how many metadata files are fetched before they are needed, to
// wait for fewer rounds.
const lookahead = 64

// run looks all targets up and downloads each as soon as it is found. One that
// fails keeps none of the others from being downloaded.
func (d *downloader) run(ctx context.Context) error {
	anchor, err := os.ReadFile(d.Root)
	if err != nil {
		return err
	}
	dir, err := d.openCache()
	if err != nil {
		return err
	}
	now := d.At
	if now.IsZero() {
		now = time.Now()
	}
	session, err := verify.New(anchor, verify.LoadStored(dir.Load), now, verify.Options{Lookahead: lookahead})
	if err != nil {
		return fmt.Errorf("%s: %w", d.Root, err)
	}
	if d.dest, err = openDestination(ctx, d.Dest, d.stderr); err != nil {
		return err
	}
	defer d.dest.close()
	d.client, d.bars = d.newClient(), progress.New(ctx, d.stderr)
	if d.Quiet {
		d.bars = progress.New(ctx, io.Discard)
	}

	group, working := errgroup.WithContext(ctx)
	o := &owner{
		downloader: d, session: session, store: dir.Shared(ctx, session), cached: make(map[string]bool), kept: make(map[verify.RequestID]*mirror), answers: make(chan answer),
		group: group, ctx: working, slots: semaphore.NewWeighted(int64(d.Parallel)),
		places: make(map[*verify.Lookup]int), results: make([]result, len(d.Targets)),
	}
	group.Go(o.loop)
	err = group.Wait()
	d.bars.Wait()
	for _, warning := range session.Warnings() {
		fmt.Fprintf(d.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	out := d.stdout
	if d.Quiet {
		out = d.stderr
	} else {
		for _, r := range o.results {
			fmt.Fprint(out, r.text)
		}
	}
	d.mirrors.print(out, d.Quiet)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case session.Err() != nil:
		return fmt.Errorf("no trustworthy state of the repository could be had:\n%w", session.Err())
	}
	var errs []error
	for _, r := range o.results {
		errs = append(errs, r.err)
	}
	return errors.Join(errs...)
}

// owner is the one goroutine that calls the session. It never waits for a
// mirror: workers do, and send it their answers.
type owner struct {
	*downloader
	session *verify.Session
	store   verify.Store
	cached  map[string]bool              // names whose stored copy was just trusted again
	kept    map[verify.RequestID]*mirror // whose answers to requests ahead wait for their turn
	answers chan answer
	waiting int // for so many answers

	group   *errgroup.Group // of the owner and all workers: the first error ends them all
	ctx     context.Context
	slots   *semaphore.Weighted // for targets
	places  map[*verify.Lookup]int
	results []result // each is written by one worker, and read after all have ended
}

// question is an open request on its way from mirror to mirror.
type question struct {
	verify.Request
	tried  []*mirror
	absent int
	errs   []error
}

type answer struct {
	*question
	from *mirror
	body []byte
	err  error
}

// result is what came of a target.
type result struct {
	text string
	err  error
}

// loop does what the session wants done, in the order of the batch's fields,
// until nothing is left to do or to wait for.
func (o *owner) loop() error {
	for i, target := range o.Targets {
		o.places[o.session.Lookup(target)] = i
	}
	for {
		b, more := o.session.Next()
		for _, rec := range b.Save {
			if err := o.save(rec); err != nil { // nothing may be used from here on, so the group ends with this
				o.session.Abandon(err)
				return o.session.Err()
			}
		}
		for _, r := range b.Rejected {
			if m := o.kept[r.Request.ID]; m != nil { // not a stored copy
				o.mirrors.with(func() { m.roles-- })
				o.mirrors.blame(m, r.Request.Path, r.Err)
			}
		}
		for _, req := range b.Fetch {
			if err := o.begin(req); err != nil {
				return err
			}
		}
		for _, l := range b.Done {
			o.download(l)
		}
		switch {
		case more:
			continue
		case o.waiting == 0:
			return nil // the downloads may go on
		}
		select {
		case a := <-o.answers:
			if err := o.settle(a); err != nil {
				return err
			}
		case <-o.ctx.Done():
			return context.Cause(o.ctx)
		}
	}
}

func (o *owner) save(rec verify.Record) error {
	if o.cached[rec.StoreName] {
		delete(o.cached, rec.StoreName)
		return nil
	}
	return o.store.Save(rec)
}

// begin answers a request from the store, where that is allowed, and otherwise
// sends it to a mirror.
func (o *owner) begin(req verify.Request) error {
	delete(o.cached, req.StoreName) // a stored copy that was kept ahead may have proved bad
	if req.StoreName != "" {
		if data, err := o.store.Load(req.StoreName); err == nil && o.session.Provide(req.ID, data) == nil {
			o.cached[req.StoreName] = true
			return nil
		}
	}
	return o.ask(&question{Request: req})
}

// ask has a worker ask the next mirror. When all have been asked, the request
// is given up, or there is no newer root: for that, NotFound wants the word of
// every live source. A mirror that did not answer, or lied, might have had one,
// and whoever can keep a client from it must not be able to keep it at an old
// root: so that is Fail, however many others say absent.
func (o *owner) ask(q *question) error {
	if q.Ahead && !slices.ContainsFunc(o.session.Outstanding(), func(r verify.Request) bool { return r.ID == q.ID }) {
		return nil // not needed any more
	}
	m := o.mirrors.take(metadataBase, q.tried)
	switch {
	case m == nil && q.Optional && q.absent == len(q.tried):
		return o.session.NotFound(q.ID)
	case m == nil && q.Optional:
		q.errs = append(q.errs, fmt.Errorf("whether there is a newer %s is undecided: every mirror has to say that there is none", q.Role))
		fallthrough
	case m == nil:
		return o.session.Fail(q.ID, errors.Join(q.errs...))
	}
	q.tried = append(q.tried, m)
	o.waiting++
	o.group.Go(func() error {
		defer o.mirrors.giveBack(m)
		a := answer{question: q, from: m}
		a.body, a.err = mirrorhttp.WithContext(o.ctx, m.metadata, o.client)(q.Request)
		select {
		case o.answers <- a:
		case <-o.ctx.Done(): // nobody listens any more
		}
		return nil
	})
	return nil
}

// settle hands an answer to the session, or the question to the next mirror.
func (o *owner) settle(a answer) error {
	o.waiting--
	if a.err == nil {
		if a.err = o.session.Provide(a.ID, a.body); a.err == nil {
			if a.Ahead {
				o.kept[a.ID] = a.from
			}
			o.mirrors.with(func() { a.from.roles, a.from.down = a.from.roles+1, false })
			return nil
		}
	}
	reject, long := new(verify.RejectError), new(mirrorhttp.TooLongError)
	switch {
	case errors.As(a.err, &reject):
		a.err = reject.Err
		o.mirrors.blame(a.from, a.Path, a.err)
	case errors.As(a.err, &long):
		o.mirrors.blame(a.from, a.Path, a.err)
	case errors.Is(a.err, verify.ErrRequest):
		return a.err // this program's mistake
	case a.Optional && errors.Is(a.err, verify.ErrNotAtSource) && !o.refused(a.err):
		a.absent++
	default:
		o.mirrors.excuse(a.from, a.Path, a.err)
	}
	a.errs = append(a.errs, fmt.Errorf("%s: %w", a.from.name, a.err))
	return o.ask(a.question)
}

// refused says that an error is about who asks, and says nothing about the
// file. Without a token, 403 is what some stores answer for a file that does
// not exist.
func (o *owner) refused(err error) bool {
	status := new(mirrorhttp.StatusError)
	return o.Token != "" && errors.As(err, &status) && status.Status == http.StatusForbidden
}

// download has a worker download what a lookup found. The lookup does not
// change any more, so the worker may read it.
func (o *owner) download(l *verify.Lookup) {
	if o.session.Err() != nil && !errors.Is(o.session.Err(), verify.ErrInProgress) {
		return // the whole cycle failed; run says why, once
	}
	place := o.places[l]
	o.group.Go(func() error {
		if o.slots.Acquire(o.ctx, 1) != nil {
			return nil // the end, for a reason that somebody else gives
		}
		defer o.slots.Release(1)
		how := "was there already, and is verified"
		t, err := l.Target()
		if err == nil && !o.dest.has(t) {
			how, err = o.fetch(o.ctx, t, o.bars.Add(t.Path, t.Length, place))
		}
		if err != nil {
			o.results[place].err = fmt.Errorf("%s is not downloaded:\n%w%s", l.Path(), err, trail(l))
			return nil
		}
		o.results[place].text = cli.Printable(fmt.Sprintf("%s: %s (%d bytes, listed by %s)\n", t.Path, how, t.Length, t.Role))
		return nil
	})
}

// trail lists who was asked, and what they said.
func trail(l *verify.Lookup) string {
	var b strings.Builder
	for _, step := range l.Trail() {
		b.WriteString("\n  " + step.String())
	}
	return b.String()
}
