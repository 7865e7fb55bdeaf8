package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

const (
	// DefaultParallel is how many requests for metadata one Drive has open at
	// once, in all.
	DefaultParallel = 16
	// DefaultPerSource is how many of them one source has, at most.
	DefaultPerSource = 6
	// DefaultRootGrace is how long the other sources have to answer after the
	// first one has said that there is no newer root.
	DefaultRootGrace = 3 * time.Second
)

// DriveConfig says how Drive fetches. Only Sources is needed.
type DriveConfig struct {
	// Store returns the store of a repository (verify.Request.Repository), nil
	// if it has none.
	Store func(repository string) verify.Store
	// Sources returns the sources of a repository, best first. It is called for
	// each request. Two sources with the same name are one for PerSource.
	Sources func(repository string) []Source

	// Parallel is how many requests are open at once, in all; 0 means
	// DefaultParallel.
	Parallel int
	// PerSource is how many of them one source has, at most; 0 means
	// DefaultPerSource. No source has more than its share of Parallel, so that
	// silent ones do not keep the others from being asked.
	PerSource int
	// RootGrace is how long the other sources have to answer after the first
	// one has said that there is no newer root; 0 means DefaultRootGrace, below
	// zero means no time.
	RootGrace time.Duration
	// EverySource waits for the answer of every source about the next root. It
	// goes with verify.Options.EverySource, which asks the session to insist on
	// it.
	EverySource bool

	// Until, if it is not nil, is asked whenever something has changed, after
	// all that is to be saved is saved: Drive ends with nil as soon as it
	// returns true. Requests that are open stay open. So a caller of a
	// multirepo.Group need not wait for repositories that its lookups do not
	// need. It may use the Updater.
	Until func() bool
	// Observe is told what happens, in the goroutine that called Drive, one
	// event after the other. It must not use the Updater, and should return
	// soon.
	Observe func(Event)

	wake  <-chan struct{} // there is something to do for inbox
	inbox func()          // called before each step
}

// Drive goes through everything that there is to do for a session or a group,
// as verify.Drive does, and fetches in parallel. It is the one user of the
// Updater while it runs. It returns nil if the update succeeded, whether or not
// the lookups found what they looked for, and otherwise what Err says:
// verify.ErrSave or verify.ErrSuperseded if a file could not be saved, or what
// ended the update, mostly a *verify.FetchError with a *verify.SourceError for
// each source.
//
// A saved copy is asked for first, where that is allowed. Then a request goes
// to one source after the other, best first; a body that is rejected sends it
// to the next. The next root is asked of all sources at once. It does not exist
// if at least one says so and no other has one that is accepted; those that do
// not answer within RootGrace after that are passed over, and reported by name
// (verify.ErrUnconfirmed).
//
// Requests ahead are cancelled when the update does not need them any more. If
// the context ends, Drive returns an error that wraps its cause, and the
// requests stay open: another Drive can go on, except if the context ended
// during a save (verify.ErrSave). No goroutine outlives Drive: it waits for
// each Fetch to return, so these must heed their context.
func Drive(ctx context.Context, u verify.Updater, config DriveConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	d := &driver{
		u: u, config: config.withDefaults(), ctx: ctx,
		open: map[verify.RequestID]*question{}, perSource: map[string]int{},
		ahead: map[verify.RequestID]held{}, bad: map[fileKey]map[string]error{},
	}
	d.answers = make(chan answer, d.config.Parallel)
	defer d.wait()
	defer cancel()
	return d.run()
}

func (c DriveConfig) withDefaults() DriveConfig {
	c.Parallel = cmp.Or(max(c.Parallel, 0), DefaultParallel)
	c.PerSource = cmp.Or(max(c.PerSource, 0), DefaultPerSource)
	c.RootGrace = max(cmp.Or(c.RootGrace, DefaultRootGrace), 0)
	if c.Store == nil {
		c.Store = func(string) verify.Store { return nil }
	}
	if c.Sources == nil {
		c.Sources = func(string) []Source { return nil }
	}
	if c.Until == nil {
		c.Until = func() bool { return false }
	}
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	if c.inbox == nil {
		c.inbox = func() {}
	}
	return c
}

// driver is the one goroutine that owns the Updater. It never waits for a
// source: workers do, and send it their answers.
type driver struct {
	u      verify.Updater
	config DriveConfig
	ctx    context.Context

	open      map[verify.RequestID]*question
	queue     []*attempt     // that wait for room, in order
	running   int            // workers
	perSource map[string]int // of them, by the name of their source; all sources are in it
	answers   chan answer    // has room for all workers, so that none waits

	ahead map[verify.RequestID]held    // bodies that the session holds back
	bad   map[fileKey]map[string]error // files that proved bad when their turn came, by source
}

// fileKey names a file of a repository.
type fileKey struct{ repository, path string }

// held is a body that the session holds back, without its bytes.
type held struct {
	source string
	body   *Body
}

// question is an open request.
type question struct {
	verify.Request
	ctx     context.Context
	cancel  context.CancelFunc
	sources []Source
	said    []error   // by each source that has answered
	next    int       // the source to ask next
	absent  bool      // one says that the file does not exist
	until   time.Time // when the others have had their time; zero: not yet known
}

// attempt is a request to one source.
type attempt struct {
	*question
	source  int
	started time.Time
}

type answer struct {
	*attempt
	body *Body
	err  error
}

var (
	errNoSource = errors.New("there is no source for it")
	errNotHeard = errors.New("no answer in time, after another source said that the file does not exist")
)

func (d *driver) run() error {
	for _, req := range d.u.Outstanding() { // from a Drive that ended early
		d.begin(req)
	}
	for {
		if d.ctx.Err() != nil {
			return fmt.Errorf("update: %w", context.Cause(d.ctx))
		}
		d.config.inbox()
		more, err := d.step()
		switch {
		case err != nil:
			return err
		case more: // it may be that there are records to save
			continue
		case d.config.Until():
			return nil
		case len(d.open) == 0 || !errors.Is(d.u.Err(), verify.ErrInProgress):
			return d.u.Err()
		}
		d.schedule()
		d.receive()
	}
}

// step goes through a batch, in the order of its fields.
func (d *driver) step() (more bool, err error) {
	b, more := d.u.Next()
	if err := d.save(b.Save); err != nil {
		return false, err
	}
	for _, r := range b.Rejected {
		d.noteRejected(r)
	}
	for _, req := range b.Fetch {
		d.begin(req)
	}
	for id, q := range d.open {
		if !d.u.Wanted(id) {
			d.close(q)
		}
	}
	return more, nil
}

// save saves records, those of each repository in its own store.
func (d *driver) save(records []verify.Record) error {
	for len(records) > 0 {
		repository := records[0].Repository
		n := slices.IndexFunc(records, func(rec verify.Record) bool { return rec.Repository != repository })
		if n < 0 {
			n = len(records)
		}
		store := d.config.Store(repository)
		if err := d.u.Save(d.ctx, store, records[:n]); err != nil {
			return err
		}
		for _, rec := range records[:n] {
			if store != nil {
				d.config.Observe(Saved{rec.Repository, rec.Role, rec.Version, rec.StoreName, len(rec.Data)})
			}
		}
		records = records[n:]
	}
	return nil
}

// noteRejected counts a body that proved bad when its turn came against the
// source that sent it. That source is not asked for the file again, unless the
// body has another reading: that one was not judged.
func (d *driver) noteRejected(r *verify.RejectError) {
	h, ok := d.ahead[r.Request.ID]
	if !ok { // it was a saved copy, or came in an earlier Drive
		return
	}
	delete(d.ahead, r.Request.ID)
	if len(h.body.encodings) > 0 {
		return
	}
	err := h.body.Rejected(r)
	f := fileKey{r.Request.Repository, r.Request.Path}
	if d.bad[f] == nil {
		d.bad[f] = map[string]error{}
	}
	d.bad[f][h.source] = err
	d.config.Observe(Rejected{requestEvent(r.Request, h.source), err})
}

// begin has a request answered from the store, if that is allowed and succeeds,
// and otherwise by the sources.
func (d *driver) begin(req verify.Request) {
	if store := d.config.Store(req.Repository); store != nil && req.StoreName != "" {
		data, err := store.Load(d.ctx, req.StoreName)
		if err == nil && d.u.ProvideSaved(req.ID, data) == nil {
			return
		}
	}
	q := &question{Request: req, sources: d.config.Sources(req.Repository)}
	if len(q.sources) == 0 {
		_ = d.u.Fail(req.ID, errNoSource) // if it is not open any more, that is fine
		return
	}
	q.said = make([]error, len(q.sources))
	q.ctx, q.cancel = context.WithCancel(d.ctx)
	d.open[q.ID] = q
	bad := d.bad[fileKey{q.Repository, q.Path}]
	for i, s := range q.sources {
		d.perSource[s.Name()] += 0
		if err := bad[s.Name()]; err != nil {
			q.note(i, err)
		}
	}
	d.ask(q)
}

// ask has a request go to the next source or, for the next root, to all. When
// all have answered, the session decides what that means.
func (d *driver) ask(q *question) {
	for ; q.next < len(q.sources); q.next++ {
		if q.said[q.next] != nil {
			continue
		}
		d.queue = append(d.queue, &attempt{question: q, source: q.next})
		if !q.Optional {
			q.next++
			return
		}
	}
	if !slices.Contains(q.said, nil) {
		d.endWithout(q)
	}
}

// endWithout ends a request that has no file: it passes on what the sources
// said.
func (d *driver) endWithout(q *question) {
	for i, err := range q.said {
		if err == nil {
			q.note(i, errNotHeard)
		}
	}
	_ = d.u.NotFound(q.ID, q.said...) // if it is not open any more, that is fine
	d.close(q)
}

// note notes what a source said.
func (q *question) note(source int, err error) {
	q.said[source] = &verify.SourceError{
		Source: source + 1, Of: len(q.sources), Name: q.sources[source].Name(), Err: err,
	}
}

func (d *driver) close(q *question) {
	q.cancel()
	delete(d.open, q.ID)
}

// schedule starts the attempts that there is room for.
func (d *driver) schedule() {
	d.queue = slices.DeleteFunc(d.queue, func(a *attempt) bool { return d.open[a.ID] != a.question || d.start(a) })
}

// start starts an attempt, and says whether there was room for it.
//
// No source has more than its share, so that those that are silent leave room
// for the others.
func (d *driver) start(a *attempt) bool {
	source := a.sources[a.source]
	name := source.Name()
	share := max(1, d.config.Parallel/len(d.perSource))
	if d.running >= d.config.Parallel || d.perSource[name] >= min(d.config.PerSource, share) {
		return false
	}
	d.running++
	d.perSource[name]++
	a.started = time.Now()
	d.config.Observe(requestEvent(a.Request, name))
	go func() {
		body, err := fetchBody(a.ctx, source, a.Request)
		d.answers <- answer{a, body, err}
	}()
	return true
}

// receive waits for an answer, or for something else that has to be done.
func (d *driver) receive() {
	grace, stop := d.nextGrace()
	defer stop()
	select {
	case a := <-d.answers:
		d.answer(a)
	case <-grace:
		d.endGrace(time.Now())
	case <-d.config.wake:
	case <-d.ctx.Done():
	}
}

// nextGrace returns a timer for the first request whose time is over.
func (d *driver) nextGrace() (<-chan time.Time, func()) {
	var first time.Time
	for _, q := range d.open {
		if !q.until.IsZero() && (first.IsZero() || q.until.Before(first)) {
			first = q.until
		}
	}
	if first.IsZero() {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(first))
	return timer.C, func() { timer.Stop() }
}

// endGrace ends the requests whose time is over.
func (d *driver) endGrace(now time.Time) {
	for _, q := range d.open {
		if !q.until.IsZero() && !now.Before(q.until) {
			d.endWithout(q)
		}
	}
}

// answer passes an answer to the session, or the request to the next source.
func (d *driver) answer(a answer) {
	name := a.sources[a.source].Name()
	d.running--
	d.perSource[name]--
	d.tell(a)
	if d.open[a.ID] != a.question || d.ctx.Err() != nil {
		return // it was cancelled
	}
	err := a.err
	if err == nil {
		if err = d.provide(a.Request, a.body, name); err == nil {
			d.close(a.question)
			return
		}
	}
	a.note(a.source, err)
	if errors.Is(err, verify.ErrNotAtSource) && a.Optional && !a.absent {
		a.absent = true
		if !d.config.EverySource {
			a.until = time.Now().Add(d.config.RootGrace)
		}
	}
	d.ask(a.question)
}

// tell tells that a request has ended.
func (d *driver) tell(a answer) {
	event := Answer{
		Request: requestEvent(a.Request, a.sources[a.source].Name()), Elapsed: time.Since(a.started), Err: a.err,
	}
	if a.body != nil {
		event.Bytes = len(a.body.Data)
	}
	d.config.Observe(event)
}

// provide offers a body to the session, as it was sent and then as what it
// unpacks to. An error says why all of it is rejected.
func (d *driver) provide(req verify.Request, body *Body, source string) error {
	for {
		rejection := d.u.Provide(req.ID, body.Data)
		if !errors.As(rejection, new(*verify.RejectError)) {
			if req.Ahead && rejection == nil {
				d.hold(req, body, source)
			}
			return nil // accepted, or not needed any more
		}
		unpacked, more := body.Unpack()
		if !more {
			err := body.Rejected(rejection)
			d.config.Observe(Rejected{requestEvent(req, source), err})
			return err
		}
		body = unpacked
	}
}

// hold remembers who sent a body that the session holds back.
func (d *driver) hold(req verify.Request, body *Body, source string) {
	body.Data = nil
	if len(body.encodings) == 0 {
		body.sent = nil
	}
	d.ahead[req.ID] = held{source, body}
}

// wait waits for all workers.
func (d *driver) wait() {
	for ; d.running > 0; d.running-- {
		d.tell(<-d.answers)
	}
}
