package gate

import (
	"context"
	"errors"
	"sync"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// wanting are the answers whose files are waited for. Several upstreams may
// list the same file, and one download is for all of them: if it fails, those
// of the others are tried.
type wanting struct {
	mu sync.Mutex
	of map[fileKey]map[*wanted]bool
}

type fileKey struct {
	multirepo.Hash
	length int64
}

// wanted is a file that somebody waits for.
type wanted struct {
	*upstream
	*answer
}

// get opens a file, or has it downloaded.
func (w *wanting) get(ctx context.Context, u *upstream, a *answer) (*File, error) {
	key, own := fileKey{a.digest, a.length}, &wanted{u, a}
	w.add(key, own)
	defer w.remove(key, own)
	return u.gate.config.Files.Get(ctx, a.digest, a.length, func(ctx context.Context, dst client.Partial) error {
		tried := map[*upstream]bool{u: true}
		err := u.fill(a)(ctx, dst)
		for err != nil && ctx.Err() == nil {
			next := w.another(key, tried)
			if next == nil {
				return err
			}
			tried[next.upstream] = true
			nextErr := next.upstream.fill(next.answer)(ctx, dst)
			if nextErr == nil {
				return nil
			}
			err = errors.Join(err, nextErr)
		}
		return err
	})
}

func (w *wanting) add(key fileKey, one *wanted) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[fileKey]map[*wanted]bool{}
	}
	if w.of[key] == nil {
		w.of[key] = map[*wanted]bool{}
	}
	w.of[key][one] = true
}

func (w *wanting) remove(key fileKey, one *wanted) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of[key], one)
	if len(w.of[key]) == 0 {
		delete(w.of, key)
	}
}

// another returns one of an upstream that was not tried; nil: there is none.
func (w *wanting) another(key fileKey, tried map[*upstream]bool) *wanted {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.of[key] {
		if !tried[one.upstream] {
			return one
		}
	}
	return nil
}
