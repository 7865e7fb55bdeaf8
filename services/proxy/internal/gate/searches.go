package gate

import (
	"context"
	"sync"
)

// searches are those under way, by target path: what many ask for at the same
// time is searched once.
type searches struct {
	mu        sync.Mutex
	running   map[string]*search
	abandoned int // how many nobody waits for
}

// search is one of them.
type search struct {
	cancel context.CancelFunc
	done   chan struct{}
	answer *answer // when it is done
	err    error

	waiting   int // guarded by searches.mu, like the next ones
	abandoned bool
	ended     bool
}

// once searches, or waits for the search that is under way. One that gives up
// does not end it for the others. When all have, it goes on for the next one
// that asks, but at most maxAbandoned do: clients that come and go must not
// pile searches up while a mirror is silent.
func (s *searches) once(
	ctx context.Context, path string, ask func(context.Context) (*answer, error),
) (*answer, error) {
	one := s.join(ctx, path, ask)
	defer s.leave(one, path)
	select {
	case <-one.done:
		return one.answer, one.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *searches) join(ctx context.Context, path string, ask func(context.Context) (*answer, error)) *search {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.running[path]
	if one == nil {
		one = &search{done: make(chan struct{})}
		ctx, one.cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*totalTimeout)
		if s.running == nil {
			s.running = map[string]*search{}
		}
		s.running[path] = one
		go s.run(ctx, one, path, ask)
	}
	one.waiting++
	s.setAbandoned(one, false)
	return one
}

func (s *searches) run(
	ctx context.Context, one *search, path string, ask func(context.Context) (*answer, error),
) {
	defer one.cancel()
	a, err := ask(ctx)
	if err != nil {
		a, err = nil, refuse(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[path] == one {
		delete(s.running, path)
	}
	s.setAbandoned(one, false)
	one.answer, one.err, one.ended = a, err, true
	close(one.done)
}

func (s *searches) leave(one *search, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.waiting--
	switch {
	case one.waiting > 0 || one.ended:
	case s.abandoned < maxAbandoned:
		s.setAbandoned(one, true)
	default:
		delete(s.running, path)
		one.cancel()
	}
}

func (s *searches) setAbandoned(one *search, abandoned bool) {
	switch {
	case abandoned && !one.abandoned:
		s.abandoned++
	case !abandoned && one.abandoned:
		s.abandoned--
	}
	one.abandoned = abandoned
}
