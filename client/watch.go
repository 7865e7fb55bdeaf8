package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

const (
	// DefaultEvery is how often Watch brings the client up to date.
	DefaultEvery = time.Hour
	// DefaultJitter is by how much of that time a pause is longer or shorter,
	// by chance, so that not all clients ask at once: a tenth.
	DefaultJitter = 0.1
	// ClockCheck is how often Watch compares the clock with the time that has
	// passed.
	ClockCheck = time.Minute
	// ClockJump is by how much they may differ before Watch brings the client
	// up to date: the clock was set, or the machine was asleep.
	ClockJump = 30 * time.Second
)

// Watch says what Client.Watch does. The zero value polls each hour and tells
// of new versions.
type Watch struct {
	// Every is the pause between updates; 0 means DefaultEvery. After an update
	// that failed the first pause is RetryAfter, if that is shorter, and it
	// doubles.
	Every time.Duration
	// Jitter is from 0 to 1; 0 means DefaultJitter, below zero none.
	Jitter float64
	// Paths are target paths to look up after each update.
	Paths []string
	// Changed is called, if it is not nil, when something has changed, by the
	// goroutine that called Client.Watch. It may use the client. An error ends
	// the watch.
	Changed func(Change) error
}

// Change is what an update has brought.
type Change struct {
	// Old is the view before; nil at the first update.
	Old, New *View
	// Roles are the top-level roles that have another version now.
	Roles []RoleChange
	// Paths are the watched paths that came, went, or are other files now, in
	// the order of Watch.Paths. At the first update, those that exist came. A
	// path that does not exist is told once too, when that is known.
	Paths []PathChange
}

// RoleChange is a new version of a top-level role. A version of 0 is none.
type RoleChange struct {
	Repository, Role string
	Old, New         int64
}

// PathChange says what became of a target path.
type PathChange struct {
	Path string
	// Old and New are the files. Old is nil if it came, and New if it went.
	// Both are nil if it did not exist when Watch began: perhaps its name is
	// wrong.
	Old, New *File
	// Err is the *verify.NoTargetError (wrapped) if New is nil. It says whether
	// that is certain.
	Err error
}

// watcher is a Watch at work.
type watcher struct {
	Watch
	client *Client
	view   *View
	files  map[string]*File // of the paths; nil: it does not exist. What could not be found out is as it was
	pause  time.Duration    // before the next update after a failure; 0: there was none
	err    error            // why the last update failed

	warned, expired time.Time // the times of expiry for which that was said
}

// Watch keeps the client up to date until the context ends, and then returns
// its cause. If an update fails, the last good view stays in use until it
// expires, and a Warning says why; Config.WarnAhead before the view expires,
// and when it has, there is an ExpiryAhead. If the clock jumps, back or ahead,
// Watch updates at once.
func (c *Client) Watch(ctx context.Context, what Watch) error {
	what.Every = cmp.Or(max(what.Every, 0), DefaultEvery)
	what.Jitter = min(max(cmp.Or(what.Jitter, DefaultJitter), 0), 1)
	w := &watcher{Watch: what, client: c, files: map[string]*File{}}
	for {
		if err := w.update(ctx); err != nil {
			return err
		}
		if err := w.sleep(ctx, w.next()); err != nil {
			return err
		}
	}
}

// update brings the client up to date, and tells what has changed.
func (w *watcher) update(ctx context.Context) error {
	had := w.client.View() != nil
	w.err = w.client.Refresh(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(w.err, ErrClosed):
		return w.err
	case w.err != nil && (!had || w.client.View() == nil): // or the update has said it
		w.client.observe(Warning{w.err})
	}
	if w.err != nil {
		w.pause = min(max(2*w.pause, min(RetryAfter, w.Every)), w.Every)
		return nil
	}
	w.pause = 0
	return w.compare(ctx)
}

// compare tells what has changed.
func (w *watcher) compare(ctx context.Context) error {
	change := Change{Old: w.view, New: w.client.View()}
	if change.New == nil { // it was forgotten meanwhile
		return nil
	}
	change.Roles = roleChanges(change.Old, change.New)
	for _, path := range w.Paths {
		f, err := w.client.Find(ctx, path)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		old, known := w.files[path]
		switch {
		case err == nil:
			if old == nil || !old.Same(f) {
				change.Paths = append(change.Paths, PathChange{Path: path, Old: old, New: f})
			}
			w.files[path] = f
		case errors.Is(err, verify.ErrNoTarget):
			if old != nil || !known {
				change.Paths = append(change.Paths, PathChange{Path: path, Old: old, Err: err})
			}
			w.files[path] = nil
		default:
			w.client.observe(Warning{err})
		}
	}
	w.view = change.New
	if w.Changed == nil || len(change.Roles)+len(change.Paths) == 0 {
		return nil
	}
	return w.Changed(change)
}

// roleChanges compares two views. Old may be nil.
func roleChanges(old, new *View) (list []RoleChange) {
	for i, r := range new.Repositories {
		var before RepositoryView
		if old != nil {
			before = old.Repositories[i] // a client's repositories are always the same
		}
		a, b := before.versions(), r.versions()
		for n, role := range topLevel {
			if a[n] != b[n] {
				list = append(list, RoleChange{r.Repository, role, a[n], b[n]})
			}
		}
	}
	return list
}

// next returns how long to wait before the next update.
func (w *watcher) next() time.Duration {
	pause := cmp.Or(w.pause, w.Every)
	return pause + time.Duration((2*rand.Float64()-1)*w.Jitter*float64(pause))
}

// sleep waits, warns ahead of expiry, and wakes up if the clock jumps.
func (w *watcher) sleep(ctx context.Context, pause time.Duration) error {
	began, clock := time.Now(), w.client.config.Now()
	for {
		w.warn()
		passed := time.Since(began)
		jump := w.client.config.Now().Round(0).Sub(clock.Round(0)) - passed
		if passed >= pause || jump.Abs() > ClockJump {
			return nil
		}
		timer := time.NewTimer(min(pause-passed, w.untilWarning(), ClockCheck))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-w.client.ctx.Done():
			timer.Stop()
			return ErrClosed
		}
	}
}

// warn tells that the view expires soon, or has expired, once each.
func (w *watcher) warn() {
	expires := w.client.Expires()
	if expires.IsZero() {
		return
	}
	left := expires.Sub(w.client.config.Now())
	switch {
	case left <= 0 && !w.expired.Equal(expires):
		w.expired, w.warned = expires, expires
	case left <= w.client.config.WarnAhead && !w.warned.Equal(expires):
		w.warned = expires
	default:
		return
	}
	w.client.observe(ExpiryAhead{expires, left, w.err})
}

// untilWarning returns how long it is until there is something to warn of.
func (w *watcher) untilWarning() time.Duration {
	left := w.client.Expires().Sub(w.client.config.Now())
	for _, d := range []time.Duration{left - w.client.config.WarnAhead, left} {
		if d > 0 {
			return d
		}
	}
	return ClockCheck
}
