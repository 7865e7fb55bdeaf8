package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// upstream is a client at work: of one repository, or of those of a map.
type upstream struct {
	name    string
	gate    *Gate
	config  client.Config
	client  atomic.Pointer[client.Client]
	saved   *client.Client             // of what is stored alone, for times when nobody can be reached
	mirrors map[string]*client.Mirrors // of targets, by repository
	answers *answers
	// transports are those of the repositories.
	transports []*confined
	begun      time.Time

	// Those of requests, second ones, and those for the status page.
	finding, again, trailing searches

	trails sync.Mutex
	wanted map[string]*trailed // of the searches under way

	state  sync.Mutex
	failed error     // why the last update failed; nil: it succeeded
	at     time.Time // of that failure

	came atomic.Int64  // bytes of targets metadata since the last renewal
	full chan struct{} // there is too much of it
	room int64
}

func (g *Gate) openUpstream(name string, config Upstream, room int64) (*upstream, error) {
	u := &upstream{
		name: name, gate: g, mirrors: map[string]*client.Mirrors{}, answers: newAnswers(g.config.Now), begun: time.Now(),
		wanted: map[string]*trailed{}, full: make(chan struct{}, 1), room: room,
	}
	c := config.Client
	c.MaxAge, c.Now, c.Observe = forever, g.config.Now, u.observe
	single := client.Repository{
		TrustedRoot: c.TrustedRoot, Metadata: c.Metadata, Targets: c.Targets, Store: c.Store, HTTP: c.HTTP,
		Options: c.Options,
	}
	var err error
	if c.Map == nil {
		single, err = u.openRepository("", single)
		c.Store, c.HTTP, c.Options = single.Store, single.HTTP, single.Options
	} else {
		all := map[string]client.Repository{}
		for name, r := range c.Repositories {
			if all[name], err = u.openRepository(name, r); err != nil {
				break
			}
		}
		c.Repositories = all
	}
	if err != nil {
		return nil, err
	}
	u.config = c
	opened, err := client.Open(c)
	if err != nil {
		return nil, err
	}
	u.client.Store(opened)
	c.Offline, c.Observe = true, u.observeSearch
	c.MaxAge = RefusedFor // it must not miss a newer root in the store
	if u.saved, err = client.Open(c); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return u, nil
}

// openRepository opens the mirrors of a repository, and returns it with the
// limits of the gate.
func (u *upstream) openRepository(name string, r client.Repository) (client.Repository, error) {
	r.HTTP = httpDefaults(r.HTTP)
	r.HTTP.Transport = confine(r.HTTP.Transport, r.Metadata, r.Targets)
	u.transports = append(u.transports, r.HTTP.Transport.(*confined))
	if r.Store == nil {
		r.Store = client.NewMemory()
	}
	r.Store = counted(r.Store, &counting{u.count})
	if r.Options.Limits.MaxRetainedBytes == 0 {
		r.Options.Limits.MaxRetainedBytes = u.room
	}
	u.room = min(u.room, r.Options.Limits.MaxRetainedBytes)
	config := r.HTTP
	config.Metadata, config.Targets = nil, r.Targets
	mirrors, err := client.NewMirrors(config)
	if err != nil {
		return r, fmt.Errorf("%s: %w", u.name, err)
	}
	u.mirrors[name] = mirrors
	return r, nil
}

func (u *upstream) close() error {
	defer func() {
		for _, t := range u.transports {
			t.CloseIdleConnections()
		}
	}()
	return errors.Join(u.client.Load().Close(), u.saved.Close())
}

// run keeps the client up to date until the context ends.
func (u *upstream) run(ctx context.Context) {
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil { // a client that is replaced ends its watch
			_ = u.client.Load().Watch(ctx, client.Watch{Every: u.gate.config.Refresh})
		}
	})
	working.Go(func() { u.renewWhenFull(ctx) })
	working.Wait()
}

// renewWhenFull brings the client up to date when it has read so much metadata
// that the memory would not do: that leaves the least recently used out.
func (u *upstream) renewWhenFull(ctx context.Context) {
	for {
		select {
		case <-u.full:
		case <-ctx.Done():
			return
		}
		if u.saved.View() != nil {
			_ = u.saved.Refresh(ctx) // from the store
		}
		switch err := u.client.Load().Refresh(ctx); {
		case ctx.Err() != nil:
			return
		case err == nil:
			u.came.Store(0)
		case u.came.Load() > patience*u.room:
			u.replace(err)
		}
	}
}

// patience is how many times as much metadata as usual may come while updates
// fail.
const patience = 4

// replace gives up a client that cannot be brought up to date, with all that it
// has in memory. What is saved answers until an update succeeds.
func (u *upstream) replace(why error) {
	next, err := client.Open(u.config)
	if err != nil {
		u.gate.log.Error("memory could not be freed", "upstream", u.name, "error", err)
		return
	}
	u.gate.log.Warn("no update, and no memory: what is saved answers", "upstream", u.name, "error", why)
	u.fail(why)
	_ = u.client.Swap(next).Close()
	u.came.Store(0)
}

// count counts metadata that has come into memory.
func (u *upstream) count(bytes int) {
	if u.came.Add(int64(bytes)) > u.room {
		select {
		case u.full <- struct{}{}:
		default:
		}
	}
}

// covers says whether the upstream is the one that decides about a target: one
// repository about all, a map about what one of its entries is for.
func (u *upstream) covers(target string) bool {
	if u.config.Map == nil {
		return true
	}
	for _, e := range u.config.Map.Entries() {
		if matches(e.Paths, target) {
			return true
		}
	}
	return false
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return delegation.Match(p, path) })
}

// find returns the answer about a target path: a remembered one, or a new one.
func (u *upstream) find(ctx context.Context, path string) (*answer, error) {
	number := u.answers.from(u.client.Load().View())
	if r := u.answers.refusal(path); r != nil {
		return nil, r
	}
	if a := u.answers.get(path); a != nil {
		u.gate.metrics.answerHit.Inc()
		return a, nil
	}
	u.gate.metrics.answerMiss.Inc()
	return u.finding.once(ctx, path, func(ctx context.Context) (*answer, error) {
		f, searched, err := u.search(ctx, path)
		a, err := u.answerOf(f, searched, err)
		if err != nil {
			r := refuse(err)
			if !errors.Is(ctx.Err(), context.Canceled) { // otherwise nobody waits
				u.answers.refuse(path, r)
			}
			return nil, r
		}
		u.answers.add(a, number)
		return a, nil
	})
}

// answerOf makes an answer of what a search has found.
func (u *upstream) answerOf(f *client.File, searched *client.Searched, err error) (*answer, error) {
	no := new(verify.NoTargetError)
	switch {
	case err == nil:
		a := newAnswer(f, searched, u.name)
		if a.digest.Algorithm == "" {
			return nil, fmt.Errorf("%s: %w: neither sha256 nor sha512 is listed", metadata.Printable(a.path), verify.ErrHash)
		}
		if a.length > u.gate.config.Limits.File {
			return nil, fmt.Errorf("%s: %w: %d bytes, at most %d", metadata.Printable(a.path), verify.ErrLimit, a.length,
				u.gate.config.Limits.File)
		}
		return a, nil
	case errors.As(err, &no):
		return &answer{path: no.Path, no: no, expires: no.Expires}, nil
	}
	return nil, err
}

// errNotYet says that the first update takes long.
var errNotYet error = notYet{}

type notYet struct{}

func (notYet) Error() string     { return "no update has succeeded yet" }
func (notYet) Kind() verify.Kind { return verify.KindUnreachable }

// search looks a target up. Where nobody can be reached, what is saved answers
// until it expires: that of an earlier process, if this one has no view yet.
func (u *upstream) search(ctx context.Context, path string) (*client.File, *client.Searched, error) {
	u.want(path)
	defer u.forget(path)
	f, err := u.searchNow(ctx, path)
	if errors.Is(err, client.ErrClosed) { // it was replaced meanwhile
		f, err = u.searchNow(ctx, path)
	}
	if ctx.Err() == nil && verify.KindOf(err) == verify.KindUnreachable && u.mayUseSaved(ctx) {
		saved, savedErr := u.saved.Find(ctx, path)
		switch {
		case savedErr == nil, errors.Is(savedErr, verify.ErrNoTarget):
			f, err = saved, savedErr
		case verify.KindOf(savedErr) == verify.KindExpired:
			err = fmt.Errorf("what is saved has %w, and there is nothing newer: %w", verify.ErrExpired, err)
		}
	}
	return f, u.searched(path), err
}

// mayUseSaved says whether what is saved is not older than the last view:
// otherwise a mirror that tells of a new version, and sends nothing more, would
// bring back what was withdrawn.
func (u *upstream) mayUseSaved(ctx context.Context) bool {
	if view := u.saved.View(); view != nil && u.answers.isOlder(view) {
		_ = u.saved.Refresh(ctx) // from the store
	}
	view := u.saved.View()
	return view == nil || !u.answers.isOlder(view)
}

// searchNow looks a target up in the view. While there is none that is good,
// the client tries an update; not again in the seconds after one that failed.
func (u *upstream) searchNow(ctx context.Context, path string) (*client.File, error) {
	failed, view, now := u.failure(), u.client.Load().View(), u.gate.config.Now()
	switch {
	case view == nil && failed != nil:
		return nil, failed
	case view == nil && u.hasSaved(ctx):
		first, cancel := context.WithTimeout(ctx, max(startPatience-time.Since(u.begun), time.Millisecond))
		defer cancel()
		f, err := u.client.Load().Find(first, path)
		if first.Err() != nil && ctx.Err() == nil {
			err = errNotYet
		}
		return f, u.noteFailure(err)
	case view == nil:
		f, err := u.client.Load().Find(ctx, path)
		return f, u.noteFailure(err)
	case failed != nil && u.config.Map == nil && !now.Before(view.Expires):
		return nil, &client.ExpiredError{Path: path, Expires: view.Expires, Now: now, Err: failed}
	}
	f, err := u.client.Load().Find(ctx, path)
	if u.config.Map == nil && verify.KindOf(err) == verify.KindUnreachable && !now.Before(view.Expires) {
		err = &client.ExpiredError{Path: path, Expires: view.Expires, Now: now, Err: err}
	}
	return f, err
}

// noteFailure notes why the first update failed.
func (u *upstream) noteFailure(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) && u.client.Load().View() == nil {
		u.fail(err)
	}
	return err
}

// hasSaved says whether an earlier process has saved something that is good.
func (u *upstream) hasSaved(ctx context.Context) bool {
	return u.saved.View() != nil || u.saved.Refresh(ctx) == nil
}

// trailed is a search under way, and its trail when it is over.
type trailed struct {
	searches int
	client.Searched
}

// The trail of a search is told to observe.

func (u *upstream) want(path string) {
	u.trails.Lock()
	defer u.trails.Unlock()
	if u.wanted[path] == nil {
		u.wanted[path] = &trailed{}
	}
	u.wanted[path].searches++
}

func (u *upstream) searched(path string) *client.Searched {
	u.trails.Lock()
	defer u.trails.Unlock()
	s := u.wanted[path].Searched
	return &s
}

func (u *upstream) forget(path string) {
	u.trails.Lock()
	defer u.trails.Unlock()
	if u.wanted[path].searches--; u.wanted[path].searches == 0 {
		delete(u.wanted, path)
	}
}

// get opens the verified file of an answer, or has it downloaded.
func (u *upstream) get(ctx context.Context, a *answer) (*File, error) {
	f, err := u.gate.wanting.get(ctx, u, a)
	if err == nil && a.found.Load() != nil {
		a.found.Store(nil)
	}
	if err != nil || len(a.digests) == 1 || a.checked.Load() {
		return f, err
	}
	if err := u.checkAll(ctx, a, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a.checked.Store(true)
	return f, nil
}

// checkAll compares a file with all digests of an answer: it may have been
// verified for another one, which lists fewer.
func (u *upstream) checkAll(ctx context.Context, a *answer, f *File) error {
	file, err := u.foundAgain(ctx, a)
	if err != nil {
		return err
	}
	if file.Target() != nil {
		err = verify.CopyVerified(a.path, io.Discard, f, file.Target().Verifier())
	} else {
		err = verify.CopyVerified(a.path, io.Discard, f, file.Agreed().Verifier())
	}
	if err != nil {
		return err
	}
	_, err = f.Seek(0, 0)
	return err
}

// errChanged says that the repository lists another file now.
var errChanged = errors.New("the repository lists another file now")

// foundAgain returns what was found, or finds it again.
func (u *upstream) foundAgain(ctx context.Context, a *answer) (*client.File, error) {
	if f := a.found.Swap(nil); f != nil && a.good(u.gate.config.Now()) {
		return f, nil
	}
	f, searched, err := u.search(ctx, a.path)
	now, err := u.answerOf(f, searched, err)
	switch {
	case err != nil:
		return nil, err
	case !a.same(now):
		return nil, errChanged
	}
	return f, nil
}

// fill downloads exactly the file of an answer.
func (u *upstream) fill(a *answer) Fill {
	return func(ctx context.Context, dst client.Partial) error {
		u.gate.metrics.fileFilled.Inc()
		f, err := u.foundAgain(ctx, a)
		if err != nil {
			return err
		}
		return u.download(ctx, f, dst)
	}
}

// download asks the mirrors of each repository that lists the file in turn.
func (u *upstream) download(ctx context.Context, f *client.File, dst client.Partial) error {
	o := client.DownloadOptions{Failed: u.blame}
	if t := f.Target(); t != nil {
		target, err := client.TargetOf(t)
		if err != nil {
			return err
		}
		return u.mirrors[""].Download(ctx, target, dst, o)
	}
	var errs []error
	for _, at := range f.Agreed().Attestations {
		target, err := client.AttestedTargetOf(f.Agreed(), at.Repository)
		if err == nil {
			err = u.mirrors[at.Repository].Download(ctx, target, dst, o)
		}
		if err == nil || !errors.As(err, new(*client.DownloadError)) { // otherwise it is no mirror's fault
			return err
		}
		errs = append(errs, &multirepo.RepositoryError{Repository: at.Repository, Err: err})
	}
	return errors.Join(errs...)
}

// moveOn brings the client up to date because a mirror lacks a file or has
// another one, and returns what is listed then, which may be the same.
func (u *upstream) moveOn(ctx context.Context, a *answer, why error) (*answer, error) {
	return u.again.once(ctx, a.path, func(ctx context.Context) (*answer, error) {
		if !errors.Is(why, errChanged) && u.isOld(u.client.Load().View()) {
			if err := u.client.Load().Refresh(ctx); err != nil {
				u.gate.log.Warn("update", "upstream", u.name, "error", err)
			}
		}
		u.answers.drop(a.path)
		number := u.answers.from(u.client.Load().View())
		f, searched, err := u.search(ctx, a.path)
		now, err := u.answerOf(f, searched, err)
		switch {
		case err != nil:
			return nil, errors.Join(why, err)
		case now.no != nil:
			return nil, now.no
		}
		u.answers.add(now, number)
		return now, nil
	})
}

// isOld says that a newer view may have come.
func (u *upstream) isOld(view *client.View) bool {
	return view == nil || u.gate.config.Now().Sub(view.Time) > RefusedFor
}

// isReplaced says that a newer view may help.
func isReplaced(err error) bool {
	download := new(client.DownloadError)
	return errors.Is(err, errChanged) || errors.As(err, &download) && download.Replaced()
}

// failure returns why updates fail; nil if the last one succeeded, or if the
// last failure is some seconds old, so that a request may try again.
func (u *upstream) failure() error {
	u.state.Lock()
	defer u.state.Unlock()
	if time.Since(u.at) < RefusedFor {
		return u.failed
	}
	return nil
}

func (u *upstream) fail(err error) {
	u.state.Lock()
	defer u.state.Unlock()
	u.failed, u.at = err, time.Now()
}
