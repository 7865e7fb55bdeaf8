package verifytest

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/tufwalk/tufwalk/verify"
)

// Store is a verify.Store in memory: what was saved, by name. Tests read and
// change it as a map.
type Store map[string][]byte

// Load returns what was saved under a name, or an error that wraps
// fs.ErrNotExist.
func (s Store) Load(_ context.Context, name string) ([]byte, error) {
	data, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return data, nil
}

// Save saves a record under its name. It never fails.
func (s Store) Save(_ context.Context, rec verify.Record) error {
	s[rec.StoreName] = rec.Data
	return nil
}
