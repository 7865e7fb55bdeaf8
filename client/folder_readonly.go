package client

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/tufwalk/tufwalk/verify"
)

// OpenReadOnly returns the folder at a path as a store that changes nothing,
// not even to lock or to sweep it: for updates without a network, from what an
// earlier program saved. The folder must be there.
//
// The store is to be the only source (verify.StoreSource), and need not be
// passed to Run again:
//
//	store, err := client.OpenReadOnly(path)
//	...
//	stored := verify.LoadStored(ctx, store)
//	s, err := verify.New(trustedRoot, stored, time.Now(), verify.Options{})
//	...
//	err = s.Run(ctx, nil, verify.StoreSource(store))
//
// While another process saves a new state, such an update may see files of
// both, and fail. It may be tried again.
func OpenReadOnly(path string) (verify.Store, error) {
	f, err := newFolder(path, disk{})
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(f.path) // which it must be possible to read
	if err != nil {
		return nil, f.failed("opened", "", err)
	}
	root.Close()
	return f.ReadOnly(), nil
}

// ReadOnly returns a view of the folder that changes nothing: see OpenReadOnly.
// It ends with Close of the folder.
func (f *Folder) ReadOnly() verify.Store { return readOnly{f} }

type readOnly struct{ folder *Folder }

func (r readOnly) Load(ctx context.Context, name string) ([]byte, error) {
	return r.folder.Load(ctx, name)
}

// Save returns nil if the very same file is stored already, and ErrReadOnly
// (wrapped) otherwise: what is not saved must not look saved.
func (r readOnly) Save(ctx context.Context, rec verify.Record) error {
	stored, err := r.Load(ctx, rec.StoreName)
	switch {
	case errors.Is(err, fs.ErrClosed):
		return err
	case err == nil && bytes.Equal(stored, rec.Data):
		return nil
	}
	return r.folder.failed("saved", rec.StoreName, ErrReadOnly)
}
