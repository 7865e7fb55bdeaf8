package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/memblob" // mem://
	_ "gocloud.dev/blob/s3blob"  // s3://
)

// Bucket is an open bucket. It is safe for many goroutines.
type Bucket struct {
	objects objects

	mu    sync.Mutex
	files []*Files
}

// Open opens a bucket by its URL. The context is for opening alone.
func Open(ctx context.Context, address string) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("bucket: %w", err)
	}
	if u.Scheme == "file" {
		f, err := openFolder(u)
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", address, err)
		}
		return &Bucket{objects: f}, nil
	}
	b, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("bucket %s://%s: %w", u.Scheme, u.Host, err)
	}
	return &Bucket{objects: remote{b}}, nil
}

var (
	errNoFolder   = errors.New("the URL of a folder is file:///path")
	errFolderMore = errors.New("the URL of a folder has no parameters")
)

// openFolder opens file:///path, or file://./path below the working directory.
func openFolder(u *url.URL) (*folder, error) {
	path := u.Path
	switch {
	case u.Host == ".":
		path = "." + path
	case u.Host != "" && u.Host != "localhost", path == "", u.Opaque != "":
		return nil, errNoFolder
	case runtime.GOOS == "windows":
		path = strings.TrimPrefix(path, "/")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errFolderMore
	}
	abs, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	return newFolder(abs)
}

// Close ends the use of the bucket: fills that are under way are cancelled, and
// it waits for them. Files that are open must be closed before.
func (b *Bucket) Close() error {
	b.mu.Lock()
	files := b.files
	b.files = nil
	b.mu.Unlock()
	for _, f := range files {
		f.close()
	}
	return b.objects.close()
}
