package verifytest

import (
	"context"
	"io/fs"
	"slices"

	"github.com/tufwalk/tufwalk/verify"
)

// Source returns a source that answers from the files, whatever
// Request.MaxBytes says: the verifier has to refuse what is too long. A file
// that is not there is verify.ErrNotAtSource, and fs.ErrNotExist too. It
// follows changes of the map, and is safe for concurrent use as long as nobody
// makes any. What it returns are copies.
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
