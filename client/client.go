package client

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Client answers lookups of target paths from one view of the repository at a
// time, and brings it up to date. It is safe for many goroutines.
type Client struct {
	config       Config
	repositories map[string]*repository // by name; "" is the only one of a client without a map
	names        []string               // sorted
	everySource  bool                   // one of them wants an answer of each of its sources

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	closed   bool
	working  sync.WaitGroup
	current  *live     // the view in use; nil: there is none
	base     *live     // the update to begin the next one from, if it is not current; or nil
	flight   *flight   // the update that is under way; nil: none
	failed   time.Time // when the last update failed; zero: it did not
	adopted  bool
	observed sync.Mutex // held while Observe runs
}

// Open returns a client. It sends no request: the first Find or Refresh does.
// An error of the Config is a *ConfigError, one of the folder a *FolderError.
func Open(config Config) (*Client, error) {
	c := &Client{config: config.withDefaults(), repositories: map[string]*repository{}}
	repositories, err := config.repositories()
	if err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.names = slices.Sorted(maps.Keys(repositories))
	for _, name := range c.names {
		x, err := c.open(name, repositories[name])
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.repositories[name] = x
	}
	if err := c.checkStart(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close ends the client, and waits until all that it has begun has ended. What
// waits returns ErrClosed (wrapped). Files that were found cannot be downloaded
// any more.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel(ErrClosed)
	c.working.Wait()
	var errs []error
	for _, x := range c.repositories {
		if x.folder != nil {
			errs = append(errs, x.folder.Close())
		}
		if x.mirrors != nil {
			x.mirrors.closeIdle()
		}
	}
	return errors.Join(errs...)
}

// start starts a goroutine that Close waits for.
func (c *Client) start(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.startLocked(f)
}

func (c *Client) startLocked(f func()) error {
	if c.closed {
		return ErrClosed
	}
	c.working.Go(f)
	return nil
}

func (c *Client) observe(e Event) {
	if c.config.Observe == nil {
		return
	}
	c.observed.Lock()
	defer c.observed.Unlock()
	c.config.Observe(e)
}

func (c *Client) driveConfig() DriveConfig {
	return DriveConfig{
		Store:    c.storeToSave,
		Sources:  func(repository string) []Source { return c.repositories[repository].sources() },
		Parallel: c.config.Parallel, PerSource: c.config.PerSource, RootGrace: c.config.RootGrace,
		EverySource: c.everySource, Observe: c.observe,
	}
}

// storeToSave is none for an offline client: the store is its source.
func (c *Client) storeToSave(repository string) verify.Store {
	if c.config.Offline {
		return nil
	}
	return c.repositories[repository].store
}

// View returns what the client answers from; nil if there is nothing yet, or if
// a newer root is known than that of the last update that succeeded. It may
// have expired.
func (c *Client) View() *View {
	if v := c.live(); v != nil {
		return v.view.Load()
	}
	return nil
}

// Expires returns when the view in use expires; the zero time if there is none.
func (c *Client) Expires() time.Time {
	if view := c.View(); view != nil {
		return view.Expires
	}
	return time.Time{}
}

func (c *Client) live() *live {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// Refresh brings the client up to date now, whatever its age. Several calls at
// a time are one update. If it fails, the last good view stays in use until it
// expires, unless a newer root is known: that one may have revoked its keys.
//
// With several repositories it waits for all of them, and returns an error if
// none could be brought up to date.
func (c *Client) Refresh(ctx context.Context) error {
	for again := 0; ; again++ {
		v, err := c.update(ctx)
		if err != nil || v.group == nil {
			return err
		}
		if err = v.upToDate(ctx); !errors.Is(err, verify.ErrSuperseded) || again == MaxAgain {
			return err
		}
	}
}

// flight is an update that is under way, and those who wait for it.
type flight struct {
	done    chan struct{}
	view    *live
	err     error
	waiting int
	cancel  context.CancelCauseFunc
}

var errNobodyWaits = errors.New("nobody waits for the update any more")

// update joins the update that is under way, or begins one.
func (c *Client) update(ctx context.Context) (*live, error) {
	c.mu.Lock()
	f := c.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		var working context.Context
		working, f.cancel = context.WithCancelCause(c.ctx)
		if err := c.startLocked(func() { c.fly(working, f) }); err != nil {
			c.mu.Unlock()
			return nil, err
		}
		c.flight = f
	}
	f.waiting++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.view, f.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel(errNobodyWaits)
		if c.flight == f {
			c.flight = nil // the next one begins another
		}
	}
	return nil, context.Cause(ctx)
}

// fly is an update, begun again where that helps.
func (c *Client) fly(ctx context.Context, f *flight) {
	defer f.cancel(nil)
	f.view, f.err = c.updateAgain(ctx)
	c.mu.Lock()
	if c.flight == f {
		c.flight = nil
	}
	failed := f.err != nil && ctx.Err() == nil
	if failed {
		c.failed = time.Now()
	} else if f.err == nil {
		c.failed = time.Time{}
	}
	fallsBack := failed && c.current != nil
	c.mu.Unlock()
	if fallsBack {
		c.observe(Warning{f.err})
	}
	close(f.done)
}

// updateAgain updates, and begins again at most MaxAgain times if another
// process was ahead, and once if the repository has moved on meanwhile: then
// files that the timestamp or the snapshot lists may be gone.
func (c *Client) updateAgain(ctx context.Context) (*live, error) {
	if err := c.adopt(ctx); err != nil {
		return nil, err
	}
	again, moved := 0, false
	for {
		v, err := c.updateOnce(ctx)
		switch {
		case err == nil:
			return v, nil
		case errors.Is(err, verify.ErrSuperseded) && again < MaxAgain:
			again++
		case !moved && hasMovedOn(err):
			moved = true
		default:
			return nil, c.contradicts(err)
		}
	}
}

// hasMovedOn says whether a listed file is gone, or another one now.
func hasMovedOn(err error) bool {
	fetch := new(verify.FetchError)
	if !errors.As(err, &fetch) || fetch.Request.Role == metadata.RoleRoot || fetch.Request.Role == metadata.RoleTimestamp {
		return false
	}
	return errors.Is(err, verify.ErrNotAtSource) || verify.KindOf(err) == verify.KindWrongBytes
}

// adopt makes sure, before the first request, that the folders are those of
// these repositories.
func (c *Client) adopt(ctx context.Context) error {
	c.mu.Lock()
	adopted := c.adopted
	c.mu.Unlock()
	if adopted {
		return nil
	}
	for _, name := range c.names {
		warning, err := c.repositories[name].adopt(ctx)
		if warning != nil {
			c.observe(Warning{warning})
		}
		if err != nil && !errors.Is(err, ErrReadOnly) { // of a folder that can only be read, the session judges all
			return err
		}
	}
	c.mu.Lock()
	c.adopted = true
	c.mu.Unlock()
	return nil
}

// updateOnce is one update: of one repository until it is over; of several it
// is only begun, since each lookup waits for what it needs.
func (c *Client) updateOnce(ctx context.Context) (*live, error) {
	v, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	if v.group != nil {
		return v, c.publish(ctx, v)
	}
	if err := v.upToDate(ctx); err != nil {
		c.noteNewerRoot(v)
		return nil, err
	}
	return v, c.publish(ctx, v)
}

// begin begins an update: from the last view or, if there is none, if it must
// not be used, or if the clock was set back, from the store.
func (c *Client) begin(ctx context.Context) (*live, error) {
	c.mu.Lock()
	from := c.base
	if from == nil {
		from = c.current
	}
	for from != nil && from.broken() {
		from = from.previous
	}
	c.mu.Unlock()
	stored, now := c.stored(ctx), c.config.Now()
	if from != nil {
		v, err := from.renew(ctx, stored, now)
		if !errors.Is(err, verify.ErrTime) {
			return v, err
		}
	}
	return c.first(stored, now)
}

// renew begins the next update.
func (v *live) renew(ctx context.Context, stored map[string]verify.Stored, now time.Time) (*live, error) {
	// These are the owner's, who may come to it when nobody waits any more.
	var next *live
	var err error
	waited := v.do(ctx, func() {
		var g *multirepo.Group
		var s *verify.Session
		if v.group != nil {
			g, err = v.group.Renew(stored, now)
		} else {
			s, err = v.session.Renew(stored[""], now)
		}
		if err == nil {
			next = newLive(v.client, s, g, now)
			next.previous = v
		}
	})
	if waited != nil {
		return nil, waited
	}
	return next, err
}

// publish makes a view the one in use, unless nobody waits for it any more:
// there may be a newer one then.
func (c *Client) publish(ctx context.Context, v *live) error {
	c.mu.Lock()
	if ctx.Err() != nil {
		c.mu.Unlock()
		return context.Cause(ctx)
	}
	var old *View
	if c.current != nil {
		old = c.current.view.Load()
	}
	if v.previous != nil {
		v.previous.previous = nil
	}
	v.old = old
	if v.group == nil {
		v.previous = nil
	}
	c.current, c.base = v, nil
	c.mu.Unlock()
	if v.group == nil { // a group is only begun
		c.announce(ctx, v, old)
	}
	return nil
}

// announce tells of a session's view, and of the warnings of its update.
func (c *Client) announce(ctx context.Context, v *live, old *View) {
	var warnings []error
	if v.do(ctx, func() { warnings = v.session.Warnings() }) == nil {
		for _, w := range warnings {
			c.observe(Warning{w})
		}
	}
	c.observe(ViewChanged{old, v.view.Load()})
}

// noteNewerRoot gives the view in use up if an update of a session that failed
// knows of a newer root, which may have revoked the keys of the view.
func (c *Client) noteNewerRoot(v *live) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.current == nil || v.newest.Load() <= c.current.view.Load().Repositories[0].Root:
		return
	case !v.broken():
		c.base = v
	}
	c.current, v.previous = nil, nil
}

// fresh says that a view need not be brought up to date: by the clock, and by
// the time that has passed, which differ if the clock was set.
func (c *Client) fresh(v *live) bool {
	view := v.view.Load()
	if view == nil || v.broken() {
		return false
	}
	now := c.config.Now()
	passed, byClock := time.Since(v.began), now.Round(0).Sub(view.Time)
	maxAge := c.config.MaxAge
	if v.failure() != nil { // of all repositories
		maxAge = min(maxAge, RetryAfter)
	}
	return passed < maxAge && byClock >= 0 && byClock < maxAge && (v.group != nil || now.Before(view.Expires))
}

// usable says that a view may be used although it is old. One of several
// repositories says so with each answer.
func (c *Client) usable(v *live) bool {
	view := v.view.Load()
	return view != nil && !v.broken() && (v.group != nil || c.config.Now().Before(view.Expires))
}

// upToDate returns a view to answer from, and says whether it was made now.
func (c *Client) upToDate(ctx context.Context) (v *live, made bool, err error) {
	c.mu.Lock()
	v = c.current
	waits := !c.failed.IsZero() && time.Since(c.failed) < RetryAfter
	c.mu.Unlock()
	if v != nil && (c.fresh(v) || waits && c.usable(v)) {
		return v, false, nil
	}
	next, err := c.update(ctx)
	if err == nil {
		return next, true, nil
	}
	if ctx.Err() != nil {
		return nil, false, err
	}
	if v = c.live(); v != nil && c.usable(v) {
		return v, true, nil
	}
	return nil, false, err
}

// newer returns a newer view than the one given, which did not do.
func (c *Client) newer(ctx context.Context, than *live) (*live, error) {
	if v := c.live(); v != nil && v != than && c.fresh(v) {
		return v, nil
	}
	return c.update(ctx)
}

// find looks a target up, and brings the client up to date if that helps: if
// another process was ahead, if a file is gone or another one now, if a view
// that is not new could not answer, and if the answer has expired.
func (c *Client) find(ctx context.Context, path string) result {
	v, made, err := c.upToDate(ctx)
	if err != nil {
		return result{err: err}
	}
	again, updated := 0, false
	for {
		r := v.lookup(ctx, path)
		old := c.old(r)
		switch {
		case ctx.Err() != nil:
			return r
		case errors.Is(r.err, verify.ErrSuperseded) && again < MaxAgain:
			again++
		case !updated && (old || hasMovedOn(r.err) || hasTwoFiles(r.err) || !made && mayHelp(r.err)):
			updated = true
		case old:
			return c.expired(path, r, nil)
		default:
			return r
		}
		next, err := c.newer(ctx, v)
		switch {
		case err != nil && old:
			return c.expired(path, r, err)
		case err != nil && ctx.Err() == nil && r.err != nil:
			r.err = errors.Join(r.err, err)
			return r
		case err != nil:
			return result{err: err}
		}
		v, made = next, true
	}
}

// hasTwoFiles says that a source sent another file than the saved one, which is
// replaced now: the next update asks again.
func hasTwoFiles(err error) bool {
	undecided := new(verify.UndecidedError)
	return errors.As(err, &undecided) && undecided.Next == ""
}

// mayHelp says whether an update may help a lookup that has no answer.
func mayHelp(err error) bool {
	switch verify.KindOf(err) {
	case verify.KindNoTarget, verify.KindMistake, verify.KindLimit:
		return false
	}
	return err != nil
}

// old says that an answer has expired, a "no" too.
func (c *Client) old(r result) bool {
	expires := r.expires()
	return !expires.IsZero() && !c.config.Now().Before(expires)
}

func (c *Client) expired(path string, r result, err error) result {
	r.err = &ExpiredError{path, r.expires(), c.config.Now(), err}
	return r
}

// Forget removes all that is saved, in all folders, and the view in use: the
// next update begins from the trusted roots, without rollback protection. It is
// for a repository that was founded anew, after its operators were asked.
// Stores that are not folders are the caller's to clear; those in memory are
// dropped. An offline client forgets nothing: it returns ErrOffline.
func (c *Client) Forget(ctx context.Context) error {
	if c.config.Offline {
		return ErrOffline
	}
	c.endFlight()
	var errs []error
	for _, name := range c.names {
		x := c.repositories[name]
		if x.folder != nil {
			errs = append(errs, x.folder.Forget(ctx))
		}
		if m, ok := x.store.(*Memory); ok {
			errs = append(errs, m.Forget(ctx))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.base, c.adopted = nil, nil, false
	c.failed = time.Time{}
	return errors.Join(errs...)
}

var errForgotten = errors.New("the store was cleared meanwhile")

// endFlight ends the update that is under way.
func (c *Client) endFlight() {
	c.mu.Lock()
	f := c.flight
	c.mu.Unlock()
	if f != nil {
		f.cancel(errForgotten)
		<-f.done
	}
}
