package verifytest

import (
	"context"
	"io/fs"
	"slices"

	"github.com/tufwalk/tufwalk/verify"
)

// Source returns a source that answers with copies of the files, whatever
// Request.MaxBytes says: the verifier has to reject a file that is too long.
// For a file that is not there its error wraps verify.ErrNotAtSource and
// fs.ErrNotExist. It shows changes of the map, and is safe for concurrent use
// while the map does not change.
func (f Files) Source() verify.Source {
	return func(_ context.Context, q verify.Request) ([]byte, error) {
		data, ok := f[q.Path]
		if !ok {
			return nil, absentError(q.Path)
		}
		return slices.Clone(data), nil
	}
}

type absentError string

func (e absentError) Error() string {
	return "verifytest: " + string(e) + ": " + verify.ErrNotAtSource.Error()
}

func (e absentError) Unwrap() []error { return []error{verify.ErrNotAtSource, fs.ErrNotExist} }
