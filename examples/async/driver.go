package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// driver is the one goroutine that calls the session. It never waits for a
// mirror: workers do, and send it their answers.
type driver struct {
	*downloader
	session *verify.Session
	store   verify.Store

	workers  *errgroup.Group // the first error ends them all
	metadata *semaphore.Weighted
	targets  *semaphore.Weighted
	answers  chan answer
	waiting  int                         // for so many answers
	ahead    map[verify.RequestID]answer // that the session holds back
}

// question is an open request, which goes from source to source.
type question struct {
	verify.Request
	sources []client.Source // that were not asked yet
	absent  bool            // one says that the file does not exist
	said    []error         // by each source
}

type answer struct {
	*question
	source client.Source
	body   *client.Body
	err    error
}

// update drives one session. Each target is downloaded as soon as it is found,
// and if one fails, the others still are.
func (d *downloader) update(ctx context.Context, s *verify.Session, store verify.Store) error {
	workers, working := errgroup.WithContext(ctx)
	o := &driver{
		downloader: d, session: s, store: store, workers: workers,
		metadata: semaphore.NewWeighted(int64(d.Parallel)), targets: semaphore.NewWeighted(int64(d.Parallel)),
		answers: make(chan answer), ahead: map[verify.RequestID]answer{},
	}
	places, errs := map[*verify.Lookup]int{}, make([]error, len(d.Targets))
	for i, path := range d.Targets {
		places[s.Lookup(path)] = i
	}
	workers.Go(func() error {
		return o.loop(working, func(l *verify.Lookup) {
			workers.Go(func() error { // a lookup that is done does not change any more
				errs[places[l]] = o.download(working, l)
				return nil
			})
		})
	})
	err := workers.Wait()
	for _, w := range s.Warnings() {
		d.warn(w)
	}
	if err != nil {
		return fmt.Errorf("no trustworthy state of the repository is available:\n%w", err)
	}
	return errors.Join(errs...)
}

// loop goes through the session's batches, in the order of their fields, until
// the update has ended and all lookups are done.
func (o *driver) loop(ctx context.Context, done func(*verify.Lookup)) error {
	for {
		b, more := o.session.Next()
		if err := o.session.Save(ctx, o.store, b.Save); err != nil {
			return err // nothing more may be used
		}
		for _, r := range b.Rejected {
			if a, ok := o.ahead[r.Request.ID]; ok { // not a saved copy
				_ = o.blame(a, r.Err)
			}
		}
		for _, req := range b.Fetch {
			if err := o.begin(ctx, req); err != nil {
				return err
			}
		}
		for _, l := range b.Done {
			if !errors.Is(o.session.Err(), verify.ErrInProgress) && o.session.Err() != nil {
				break // the update failed, which is said once
			}
			done(l)
		}
		switch {
		case more:
			continue
		case o.waiting == 0:
			return o.session.Err()
		}
		select {
		case a := <-o.answers:
			o.waiting--
			if err := o.receive(ctx, a); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin answers a request from the store, if that is allowed and succeeds, and
// otherwise sends it to the sources, best first.
func (o *driver) begin(ctx context.Context, req verify.Request) error {
	if req.StoreName != "" {
		saved, err := o.store.Load(ctx, req.StoreName)
		if err == nil && o.session.ProvideSaved(req.ID, saved) == nil {
			return nil
		}
	}
	return o.ask(ctx, &question{Request: req, sources: o.mirrors.Sources()})
}

// ask lets a worker ask the next source. After the last one the request fails,
// or there is no such file: the session decides, by what each of them said.
func (o *driver) ask(ctx context.Context, q *question) error {
	switch {
	case !o.session.Wanted(q.ID):
		return nil // it was asked ahead, and is not needed any more
	case len(q.sources) == 0 && q.absent:
		return o.session.NotFound(q.ID, q.said...)
	case len(q.sources) == 0:
		return o.session.Fail(q.ID, errors.Join(q.said...))
	}
	a := answer{question: q, source: q.sources[0]}
	q.sources = q.sources[1:]
	o.waiting++
	o.workers.Go(func() error {
		if o.metadata.Acquire(ctx, 1) != nil {
			return nil // another goroutine has returned the reason
		}
		defer o.metadata.Release(1)
		a.body, a.err = a.source.(client.BodySource).FetchBody(ctx, q.Request)
		select {
		case o.answers <- a:
		case <-ctx.Done():
		}
		return nil
	})
	return nil
}

// receive passes an answer to the session, or the question to the next source.
func (o *driver) receive(ctx context.Context, a answer) error {
	err := a.err
	for err == nil {
		err = o.session.Provide(a.ID, a.body.Data)
		switch unpacked, packed := a.body.Unpack(); {
		case err == nil && a.Ahead: // it is judged when it is needed
			a.body.Data, o.ahead[a.ID] = nil, a
			return nil
		case err == nil || !errors.As(err, new(*verify.RejectError)):
			return err // nil, or a mistake of this program
		case packed: // although nobody asked for that
			a.body, err = unpacked, nil
		default:
			err = o.blame(a, err)
		}
	}
	a.absent = a.absent || errors.Is(err, verify.ErrNotAtSource)
	a.said = append(a.said, &verify.SourceError{Name: a.source.Name(), Err: err})
	return o.ask(ctx, a.question)
}

// download downloads the target of a lookup that is done, and puts it in place.
func (o *driver) download(ctx context.Context, l *verify.Lookup) error {
	if o.targets.Acquire(ctx, 1) != nil {
		return nil
	}
	defer o.targets.Release(1)
	t, err := l.Target()
	if err == nil {
		err = o.install(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("%s is not downloaded:\n%w", metadata.Printable(l.Path()), err)
	}
	return nil
}

func (d *downloader) install(ctx context.Context, t *verify.Target) error {
	target, err := client.TargetOf(t)
	if err != nil {
		return err
	}
	bar := d.bars.Add(cli.Printable(t.Path), t.Length, 0)
	show := client.InstallOptions{Progress: func(p client.Progress) { bar.Set(p.Done) }}
	if err := d.mirrors.Install(ctx, target, d.dest, t.Path, show); err != nil {
		bar.Abort()
		return err
	}
	bar.Finish()
	return nil
}

// blame tells the user and the source that a body was rejected. The source will
// be asked after others for a while.
func (o *driver) blame(a answer, rejected error) error {
	rejected = a.body.Rejected(rejected)
	o.warn(fmt.Errorf("%s sent a wrong file: %w", a.source.Name(), rejected))
	return rejected
}

func (d *downloader) warn(err error) { d.bars.Print("warning: " + cli.Printable(err.Error())) }
