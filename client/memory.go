package client

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"sync"

	"github.com/tufwalk/tufwalk/verify"
)

// Memory is a store that lasts as long as the process: for programs that have
// no place for files. Rollback protection begins anew with each process. It is
// a verify.Locker, and safe for many goroutines. Its records must all be of one
// repository.
type Memory struct {
	turn chan struct{}

	mu    sync.RWMutex
	files map[string][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{turn: make(chan struct{}, 1), files: make(map[string][]byte)}
}

// Load returns what was saved under a name, as a copy. The error wraps
// fs.ErrNotExist if nothing was.
func (m *Memory) Load(_ context.Context, name string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("%q in memory: %w", name, fs.ErrNotExist)
	}
	return bytes.Clone(data), nil
}

// Save stores a copy of a record. It returns the error of a context that has
// ended, and no other.
func (m *Memory) Save(ctx context.Context, rec verify.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[rec.StoreName] = append([]byte{}, rec.Data...)
	return nil
}

// Lock waits until nobody else holds the lock, or until the context ends; then
// it returns the context's error.
func (m *Memory) Lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case m.turn <- struct{}{}:
		return sync.OnceFunc(func() { <-m.turn }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Forget removes all records.
func (m *Memory) Forget(ctx context.Context) error {
	unlock, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.files)
	return nil
}
