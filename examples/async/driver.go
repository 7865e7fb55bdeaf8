package main

import (
	"context"
	"errors"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// driver is the one goroutine that calls the session. It never waits for a
// mirror: workers do that, and send it the answers. It asks one mirror after
// the other; client.Drive asks all at once for the next root, so that a silent
// one does not hold up the update.
type driver struct {
	*downloader
	session *verify.Session
	answers chan *question
	waiting int                            // number of answers that will come
	ahead   map[verify.RequestID]*question // whose answers the session may yet reject
}

// question is an open request, which goes from mirror to mirror.
type question struct {
	verify.Request
	sources []client.Source
	said    []error      // by each mirror that was asked
	body    *client.Body // the answer of the last one
	err     error
}

// drive handles the session's batches. It leaves no goroutine behind.
func (d *driver) drive(ctx context.Context, found func(*verify.Lookup)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for ; d.waiting > 0; d.waiting-- {
			<-d.answers
		}
	}()
	for {
		b, more := d.session.Next()
		if err := d.session.Save(ctx, d.folder, b.Save); err != nil {
			return err // nothing more may be used
		}
		for _, r := range b.Rejected {
			if q := d.ahead[r.Request.ID]; q != nil { // otherwise it was a stored file
				d.warn(q.Path, q.says(q.body.Rejected(r)))
			}
		}
		for _, req := range b.Fetch {
			d.begin(ctx, req)
		}
		for _, l := range b.Done {
			found(l)
		}
		switch {
		case more:
			continue
		case d.waiting == 0:
			return d.session.Err()
		}
		select {
		case q := <-d.answers:
			d.waiting--
			d.receive(ctx, q)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin answers a request from the store, if it may be there, or asks a mirror.
func (d *driver) begin(ctx context.Context, req verify.Request) {
	saved, err := d.folder.Load(ctx, req.StoreName)
	if req.StoreName == "" || err != nil || d.session.ProvideSaved(req.ID, saved) != nil {
		d.ask(ctx, &question{Request: req, sources: d.mirrors.Sources()})
	}
}

// ask lets a worker ask the next mirror. After the last one, the session says
// what that means: there may be no newer root.
func (d *driver) ask(ctx context.Context, q *question) {
	switch {
	case !d.session.Wanted(q.ID):
	case len(q.said) == len(q.sources):
		_ = d.session.NotFound(q.ID, q.said...) // fails only if q is not open any more
	default:
		d.waiting++
		go func() {
			d.slots <- struct{}{}
			q.body, q.err = q.sources[len(q.said)].(client.BodySource).FetchBody(ctx, q.Request)
			<-d.slots
			d.answers <- q
		}()
	}
}

// receive passes an answer to the session, or the question to the next mirror.
func (d *driver) receive(ctx context.Context, q *question) {
	if q.err == nil {
		if q.err = d.provide(q); q.err == nil {
			return
		}
	}
	said := q.says(q.err)
	if !q.Optional || !errors.Is(said, verify.ErrNotAtSource) {
		d.warn(q.Path, said)
	}
	q.said = append(q.said, said)
	d.ask(ctx, q)
}

func (q *question) says(err error) error {
	i := len(q.said)
	return &verify.SourceError{Source: i + 1, Of: len(q.sources), Name: q.sources[i].Name(), Err: err}
}

// provide offers a body to the session: as it was sent, and then unpacked.
func (d *driver) provide(q *question) error {
	for {
		err := d.session.Provide(q.ID, q.body.Data)
		if !errors.As(err, new(*verify.RejectError)) {
			if q.Ahead {
				d.ahead[q.ID] = q
			}
			return nil // accepted, or not wanted any more
		}
		unpacked, more := q.body.Unpack()
		if !more {
			return q.body.Rejected(err)
		}
		q.body = unpacked
	}
}
