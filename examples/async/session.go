package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/again"
	"github.com/tufwalk/tufwalk/examples/internal/cli"
	mirrorhttp "github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// lookahead is the number of metadata files that are fetched before they are
// needed, to save round trips.
const lookahead = 64

// run looks up all targets and downloads each as soon as it is found. If one
// fails, the others are still downloaded.
func (d *downloader) run(ctx context.Context) error {
	trustedRoot, err := os.ReadFile(d.Root)
	if err != nil {
		return err
	}
	cache, err := commandLine.CacheDir(d.Cache, d.Root)
	if err != nil {
		return err
	}
	dir, err := client.OpenFolder(cache)
	if err != nil {
		return err
	}
	if d.dest, err = openDestination(ctx, d.Dest, d.stderr); err != nil {
		return err
	}
	defer d.dest.close()
	d.client, d.bars = d.newClient(), progress.New(ctx, d.stderr)
	if d.Quiet {
		d.bars = progress.New(ctx, io.Discard)
	}

	var results []result
	err = again.Again(func() error {
		results, err = d.update(ctx, trustedRoot, dir)
		return err
	})
	d.bars.Wait()
	out := d.stdout
	if d.Quiet {
		out = d.stderr
	} else {
		for _, r := range results {
			fmt.Fprint(out, r.text)
		}
	}
	d.mirrors.print(out, d.Quiet)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	var errs []error
	for _, r := range results {
		errs = append(errs, r.err)
	}
	return errors.Join(errs...)
}

// update is one session. It returns one result for each target.
func (d *downloader) update(ctx context.Context, trustedRoot []byte, store verify.Store) ([]result, error) {
	now := d.At
	if now.IsZero() {
		now = time.Now()
	}
	options := verify.Options{Lookahead: lookahead}
	session, err := verify.New(trustedRoot, verify.LoadStored(ctx, store), now, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Root, err)
	}
	group, working := errgroup.WithContext(ctx)
	o := &owner{
		downloader: d, session: session, store: store,
		ahead: make(map[verify.RequestID]*mirror), answers: make(chan answer),
		group: group, ctx: working, slots: semaphore.NewWeighted(int64(d.Parallel)),
		places: make(map[*verify.Lookup]int), results: make([]result, len(d.Targets)),
	}
	group.Go(o.loop)
	err = group.Wait()
	for _, warning := range session.Warnings() {
		fmt.Fprintf(d.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	switch {
	case err != nil:
		return o.results, err
	case session.Err() != nil:
		return o.results, fmt.Errorf("no trustworthy state of the repository is available:\n%w", session.Err())
	}
	return o.results, nil
}

// owner is the one goroutine that calls the session. It never waits for a
// mirror: workers do that, and send it the answers.
type owner struct {
	*downloader
	session *verify.Session
	store   verify.Store
	ahead   map[verify.RequestID]*mirror // mirrors whose answers the session holds back until it needs them
	answers chan answer
	waiting int // number of answers that will come

	group   *errgroup.Group // the owner and all workers: the first error ends them all
	ctx     context.Context
	slots   *semaphore.Weighted // for targets
	places  map[*verify.Lookup]int
	results []result // each is written by one worker, and read after all workers have ended
}

// question is an open request, which goes from mirror to mirror.
type question struct {
	verify.Request
	tried  []*mirror
	absent bool    // a mirror says that the file does not exist
	said   []error // by each mirror
}

type answer struct {
	*question
	from *mirror
	body []byte
	err  error
}

// result is the outcome for one target.
type result struct {
	text string
	err  error
}

// loop handles the session's batches, in the order of their fields, until there
// is nothing to do and no answer to wait for.
func (o *owner) loop() error {
	for i, target := range o.Targets {
		o.places[o.session.Lookup(target)] = i
	}
	for {
		b, more := o.session.Next()
		if err := o.session.Save(o.ctx, o.store, b.Save); err != nil {
			return err // nothing more may be used, so this ends the group
		}
		for _, r := range b.Rejected {
			if m := o.ahead[r.Request.ID]; m != nil { // not a stored file
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
			return nil // downloads may still be running
		}
		select {
		case a := <-o.answers:
			if err := o.receive(a); err != nil {
				return err
			}
		case <-o.ctx.Done():
			return context.Cause(o.ctx)
		}
	}
}

// begin answers a request from the store, if that is allowed and succeeds, and
// otherwise sends it to a mirror.
func (o *owner) begin(req verify.Request) error {
	if req.StoreName != "" {
		data, err := o.store.Load(o.ctx, req.StoreName)
		if err == nil && o.session.ProvideSaved(req.ID, data) == nil {
			return nil
		}
	}
	return o.ask(&question{Request: req})
}

// ask lets a worker ask the next mirror. After the last mirror, the request
// fails, or there is no newer root: the session decides, by what each of them
// said.
func (o *owner) ask(q *question) error {
	if q.Ahead && !o.session.Wanted(q.ID) {
		return nil // not needed any more
	}
	m := o.mirrors.take(metadataBase, q.tried)
	switch {
	case m == nil && q.absent:
		return o.session.NotFound(q.ID, q.said...)
	case m == nil:
		return o.session.Fail(q.ID, errors.Join(q.said...))
	}
	q.tried = append(q.tried, m)
	o.waiting++
	o.group.Go(func() error {
		defer o.mirrors.giveBack(m)
		a := answer{question: q, from: m}
		a.body, a.err = mirrorhttp.New(m.metadata, o.client)(o.ctx, q.Request)
		select {
		case o.answers <- a:
		case <-o.ctx.Done(): // the owner has ended
		}
		return nil
	})
	return nil
}

// receive passes an answer to the session, or the question to the next mirror.
func (o *owner) receive(a answer) error {
	o.waiting--
	if a.err == nil {
		if a.err = o.session.Provide(a.ID, a.body); a.err == nil {
			if a.Ahead {
				o.ahead[a.ID] = a.from
			}
			o.mirrors.with(func() { a.from.roles, a.from.down = a.from.roles+1, false })
			return nil
		}
	}
	reject, long := new(verify.RejectError), new(mirrorhttp.TooLongError)
	if o.refused(a.err) { // this is not about the file
		a.err = fmt.Errorf("the token is refused: %v", a.err)
	}
	absent := errors.Is(a.err, verify.ErrNotAtSource)
	switch {
	case errors.As(a.err, &reject):
		o.mirrors.blame(a.from, a.Path, reject.Err)
	case errors.As(a.err, &long):
		o.mirrors.blame(a.from, a.Path, a.err)
	case errors.Is(a.err, verify.ErrRequest):
		return a.err // a mistake of this program
	case !absent || !a.Optional:
		o.mirrors.excuse(a.from, a.Path, a.err)
	}
	a.absent = a.absent || absent
	a.said = append(a.said, &verify.SourceError{Name: a.from.name, Err: a.err})
	return o.ask(a.question)
}

// refused reports whether an error is about the token and not about the file.
// Without a token, some servers answer 403 for a file that does not exist.
func (o *owner) refused(err error) bool {
	status := new(mirrorhttp.StatusError)
	return o.Token != "" && errors.As(err, &status) && status.Status == http.StatusForbidden
}

// download lets a worker download the target of a lookup that is done. Such a
// lookup does not change any more, so the worker may read it.
func (o *owner) download(l *verify.Lookup) {
	if o.session.Err() != nil && !errors.Is(o.session.Err(), verify.ErrInProgress) {
		return // the update failed; run says why, once
	}
	place := o.places[l]
	o.group.Go(func() error {
		if o.slots.Acquire(o.ctx, 1) != nil {
			return nil // another goroutine has returned the reason
		}
		defer o.slots.Release(1)
		how := "already there, and verified"
		t, err := l.Target()
		if err == nil && !o.dest.has(t) {
			how, err = o.fetch(o.ctx, t, o.bars.Add(t.Path, t.Length, place))
		}
		if err != nil {
			o.results[place].err = fmt.Errorf("%s is not downloaded:\n%w%s", metadata.Printable(l.Path()), err, trail(l))
			return nil
		}
		text := fmt.Sprintf("%s: %s (%d bytes, role %s)\n",
			metadata.Printable(t.Path), how, t.Length, metadata.Printable(t.Role))
		o.results[place].text = cli.Printable(text)
		return nil
	})
}

// trail lists the roles of a search, and what each of them says.
func trail(l *verify.Lookup) string {
	var b strings.Builder
	for _, step := range l.Trail() {
		b.WriteString("\n  " + step.String())
	}
	return b.String()
}
