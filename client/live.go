package client

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// live is a view that answers lookups: a session or a group, and the goroutine
// that owns it while somebody waits for something. Nobody else calls it.
type live struct {
	client  *Client
	updater verify.Updater
	session *verify.Session  // or
	group   *multirepo.Group // one of them is nil
	began   time.Time        // by the monotonic clock
	at      time.Time        // by Config.Now

	// previous is the view that this one was renewed from, as long as this one
	// may still break.
	previous *live

	view   atomic.Pointer[View]
	newest atomic.Int64          // the newest root that the session knows of
	ended  atomic.Pointer[error] // why the update failed

	old       *View // that this one replaced
	announced bool

	mu      sync.Mutex
	inbox   []func() // for the owner
	running bool
	wake    chan struct{}

	waiting []*waiter // the owner's
}

// waiter waits until the owner finds that something is ready.
type waiter struct {
	ready func() bool
	done  chan struct{}
	err   error // why it never will be
}

func newLive(c *Client, s *verify.Session, g *multirepo.Group, at time.Time) *live {
	v := &live{
		client: c, updater: s, session: s, group: g, began: time.Now(), at: at.Round(0), wake: make(chan struct{}, 1),
	}
	if g != nil {
		v.updater = g
	}
	v.look()
	return v
}

// wait has the owner call begin, and waits until it finds ready. If the context
// ends before, the owner calls drop, and wait returns the context's cause.
func (v *live) wait(ctx context.Context, begin func(), ready func() bool, drop func()) error {
	w := &waiter{ready: ready, done: make(chan struct{})}
	err := v.post(func() {
		begin()
		v.waiting = append(v.waiting, w)
	})
	if err != nil {
		return err
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		_ = v.post(func() { v.drop(w, drop) })
		return context.Cause(ctx)
	}
}

// drop forgets a waiter.
func (v *live) drop(w *waiter, drop func()) {
	if i := slices.Index(v.waiting, w); i >= 0 {
		v.waiting = slices.Delete(v.waiting, i, i+1)
		drop()
	}
}

// do has the owner call f, and waits for it.
func (v *live) do(ctx context.Context, f func()) error {
	return v.wait(ctx, f, func() bool { return true }, func() {})
}

// post hands something to the owner, and starts it if there is none.
func (v *live) post(f func()) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.inbox = append(v.inbox, f)
	if v.running {
		select {
		case v.wake <- struct{}{}:
		default: // it has been woken already
		}
		return nil
	}
	if err := v.client.start(v.own); err != nil {
		v.inbox = nil
		return err
	}
	v.running = true
	return nil
}

// own is the owner: it drives the session until nobody waits any more.
func (v *live) own() {
	for v.takeInbox() {
		config := v.client.driveConfig()
		config.Until, config.wake, config.inbox = v.allAnswered, v.wake, v.take
		err := Drive(v.client.ctx, v.updater, config)
		v.end(err)
	}
}

// takeInbox does what is in the inbox, and says whether anybody waits: if not,
// the owner is to end.
func (v *live) takeInbox() bool {
	for {
		v.take()
		v.mu.Lock()
		if len(v.inbox) == 0 {
			v.running = len(v.waiting) > 0
			defer v.mu.Unlock()
			return v.running
		}
		v.mu.Unlock()
	}
}

func (v *live) take() {
	v.mu.Lock()
	list := v.inbox
	v.inbox = nil
	v.mu.Unlock()
	for _, f := range list {
		f()
	}
}

// allAnswered tells those whose waiting is over, and says whether nobody waits
// any more. All that is to be saved is saved.
func (v *live) allAnswered() bool {
	var ready, left []*waiter
	for _, w := range v.waiting {
		if w.ready() {
			ready = append(ready, w)
		} else {
			left = append(left, w)
		}
	}
	v.waiting = left
	if len(ready) > 0 {
		v.look()
		v.announceGroup()
	}
	for _, w := range ready {
		close(w.done)
	}
	return len(left) == 0
}

// announceGroup tells of a group's view, once it has something of a repository.
func (v *live) announceGroup() {
	view := v.view.Load()
	if v.group == nil || v.announced || !slices.ContainsFunc(view.Repositories, RepositoryView.trusted) {
		return
	}
	v.announced = true
	for _, w := range v.group.Warnings() {
		if !errors.Is(w, verify.ErrSuperseded) { // a lookup that needs that repository begins again
			v.client.observe(Warning{w})
		}
	}
	v.client.observe(ViewChanged{v.old, view})
}

// end tells all that wait that the drive is over.
func (v *live) end(err error) {
	if v.allAnswered() {
		return
	}
	v.look()
	if err == nil {
		err = verify.ErrPending // not reached: all lookups are done
	}
	for _, w := range v.waiting {
		w.err = err
		close(w.done)
	}
	v.waiting = nil
}

// look notes what others may see of the view.
func (v *live) look() {
	if err := v.updater.Err(); err != nil && !errors.Is(err, verify.ErrInProgress) {
		v.ended.Store(&err)
	}
	if v.group != nil {
		v.view.Store(groupView(v.group, v.client.names, v.at, v.old))
		return
	}
	v.newest.Store(v.session.NewestRoot())
	if v.view.Load() == nil && v.session.Err() == nil {
		v.view.Store(sessionView(v.session))
	}
}

// failure returns why the update failed; nil if it has not.
func (v *live) failure() error {
	if err := v.ended.Load(); err != nil {
		return *err
	}
	return nil
}

// broken says that the view must not be used any more, and not be renewed: a
// file could not be saved, or another process has saved something newer.
func (v *live) broken() bool {
	err := v.failure()
	return errors.Is(err, verify.ErrSave) || errors.Is(err, verify.ErrSuperseded)
}

// upToDate waits until the update is over.
func (v *live) upToDate(ctx context.Context) error {
	var err error
	waited := v.wait(ctx, func() {}, func() bool {
		err = v.updater.Err()
		return !errors.Is(err, verify.ErrInProgress)
	}, func() {})
	if waited != nil {
		return waited
	}
	return err
}

// result is what a lookup has found.
type result struct {
	target *verify.Target    // or
	agreed *multirepo.Target // of a group
	err    error

	trail   []verify.Step    // or
	entries []multirepo.Step // of a group
}

// expires returns when the answer expires; the zero time if it never does.
func (r result) expires() time.Time {
	no := new(verify.NoTargetError)
	switch {
	case r.target != nil:
		return r.target.Expires
	case r.agreed != nil:
		return r.agreed.Expires
	case errors.As(r.err, &no):
		return no.Expires
	}
	return time.Time{}
}

// lookup finds a target in the view.
func (v *live) lookup(ctx context.Context, path string) result {
	var r result
	var err error
	observed := v.client.config.Observe != nil // a trail costs something
	if v.group != nil {
		var l *multirepo.Lookup
		err = v.wait(ctx, func() { l = v.group.Lookup(path) }, func() bool {
			r.agreed, r.err = l.Target()
			done := !errors.Is(r.err, verify.ErrPending)
			if done && observed {
				r.entries = l.Trail()
			}
			return done
		}, func() { v.group.Drop(l) })
	} else {
		var l *verify.Lookup
		err = v.wait(ctx, func() { l = v.session.Lookup(path) }, func() bool {
			r.target, r.err = l.Target()
			done := !errors.Is(r.err, verify.ErrPending)
			if done && observed {
				r.trail = l.Trail()
			}
			return done
		}, func() { v.session.Drop(l) })
	}
	if err != nil {
		return result{err: err}
	}
	return r
}
