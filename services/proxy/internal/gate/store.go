package gate

import (
	"context"

	"github.com/tufwalk/tufwalk/verify"
)

// counting counts the bytes that are loaded from a store.
type counting struct{ count func(bytes int) }

type countedStore struct {
	verify.Store
	*counting
}

func (s countedStore) Load(ctx context.Context, name string) ([]byte, error) {
	data, err := s.Store.Load(ctx, name)
	s.count(len(data))
	return data, err
}

// What a store may be able to do besides: see verify.Store.
type (
	locker interface {
		Lock(ctx context.Context) (unlock func(), err error)
	}
	candidates interface {
		LoadAll(ctx context.Context, name string) ([][]byte, error)
	}
)

// counted returns a store that can do what the given one can.
func counted(store verify.Store, c *counting) verify.Store {
	s := countedStore{store, c}
	l, locks := store.(locker)
	all, hasCandidates := store.(candidates)
	switch {
	case locks && hasCandidates:
		return struct {
			countedStore
			locker
			candidates
		}{s, l, all}
	case locks:
		return struct {
			countedStore
			locker
		}{s, l}
	case hasCandidates:
		return struct {
			countedStore
			candidates
		}{s, all}
	}
	return s
}
