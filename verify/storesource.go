package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tufwalk/tufwalk/metadata"
)

// errOnlyLive says why a store does not answer a request: its own copy would
// confirm itself (R-5.6.8c).
var errOnlyLive = errors.New("only a live source can confirm a saved copy")

// StoreSource returns a source that answers with what is saved, the timestamp
// too, for an update without a network. Such an update is like any other, and
// no check is off: it succeeds until what is saved has expired. What it trusts
// is of the time at which the timestamp was saved, or older.
//
// It is to be the only source. Among others it would be a frozen mirror.
func StoreSource(store Store) Source {
	return func(ctx context.Context, req Request) ([]byte, error) {
		name := req.StoreName
		if name == "" {
			if req.Role != metadata.RoleTimestamp {
				return nil, errOnlyLive
			}
			name = nameTimestamp
		}
		data, err := store.Load(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %s: %w", ErrNotAtSource, name, fs.ErrNotExist)
		}
		return data, err
	}
}
