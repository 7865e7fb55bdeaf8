package client

import (
	"bytes"
	"context"
	"errors"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// guard is a store that does not let a root be saved which contradicts a saved
// one: another root of the same version, signed by its own keys. It is the best
// sign there is of stolen root keys, and the update must not go on.
type guard struct {
	verify.Store
	of *repository
}

// What a store may be able to do besides: see verify.Locker and
// verify.CandidateStore.
type (
	locker interface {
		Lock(ctx context.Context) (unlock func(), err error)
	}
	candidates interface {
		LoadAll(ctx context.Context, name string) ([][]byte, error)
	}
)

// guarded returns a guard that can do what the store can.
func guarded(store verify.Store, of *repository) verify.Store {
	g := guard{store, of}
	l, locks := store.(locker)
	c, hasCandidates := store.(candidates)
	switch {
	case locks && hasCandidates:
		return struct {
			guard
			locker
			candidates
		}{g, l, c}
	case locks:
		return struct {
			guard
			locker
		}{g, l}
	case hasCandidates:
		return struct {
			guard
			candidates
		}{g, c}
	}
	return g
}

func (g guard) Save(ctx context.Context, rec verify.Record) error {
	if rec.Role == metadata.RoleRoot {
		if err := g.contradiction(ctx, rec); err != nil {
			return err
		}
	}
	return g.Store.Save(ctx, rec)
}

var errOtherRoot = errors.New("the network has another root of that version")

// contradiction compares a root with those that are saved. Saved files that
// cannot be read, or are not signed by their own keys, say nothing.
func (g guard) contradiction(ctx context.Context, rec verify.Record) error {
	own, err := readRoot(rec.Data, g.of.Options)
	if err != nil {
		return nil // the trusted root may be of a kind that is not read here
	}
	for _, name := range []string{metadata.RoleRoot + ".json", rec.StoreName} {
		data, err := g.Load(ctx, name)
		if err != nil {
			continue
		}
		saved, err := readRoot(data, g.of.Options)
		if err == nil && saved.version == own.version && !bytes.Equal(saved.payload, own.payload) {
			return &ContradictionError{g.of.name, g.of.where(), &verify.StoredFileError{Role: name, Err: errOtherRoot}}
		}
	}
	return nil
}

// contradicts names the folder in the error of an update whose roots end before
// the saved one.
func (c *Client) contradicts(err error) error {
	stored := new(verify.StoredRootError)
	if !errors.As(err, &stored) || errors.Is(err, ErrContradiction) || c.config.Map != nil {
		return err
	}
	return &ContradictionError{"", c.repositories[""].where(), err}
}
