package gate

import (
	"context"
	"io"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Files are verified files by their digest. It is safe for many goroutines.
type Files interface {
	// Get opens the file that has a digest. If there is none, fill downloads
	// and verifies it, once for all that ask at the same time.
	Get(ctx context.Context, digest multirepo.Hash, length int64, fill Fill) (*File, error)
	// Follow is Get for what may be sent while it comes: reading waits for more
	// of it. The last HoldBack bytes come only when the file is verified, and
	// an error in their place if it does not verify.
	Follow(ctx context.Context, digest multirepo.Hash, length int64, fill Fill) (io.ReadCloser, error)
	// Has says whether the file is there.
	Has(digest multirepo.Hash) bool
	// Usage returns how many files there are, and their bytes.
	Usage() (files int, bytes int64)
}

// Fill downloads a file and verifies it. When it returns nil, dst holds the
// file and nothing else.
type Fill func(ctx context.Context, dst client.Partial) error

// HoldBack is how many bytes of a file are not sent before it is verified.
const HoldBack = 64 << 10

// File is a verified file. Its reader may be an *os.File, which is sent without
// copying.
type File struct {
	io.ReadSeekCloser
	Size    int64
	ModTime time.Time
}
