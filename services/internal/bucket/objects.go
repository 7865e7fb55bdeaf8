package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// objects is what this package needs of a bucket. Errors about an object that
// is not there wrap fs.ErrNotExist.
type objects interface {
	// list returns all objects whose keys begin with a prefix, which ends in a
	// slash, sorted by key. What is written or removed meanwhile may be in it
	// or not.
	list(ctx context.Context, prefix string) ([]object, error)
	// open reads an object.
	open(ctx context.Context, key string) (*body, error)
	// write writes an object, whole or not at all. If it is durable, it is
	// there after a crash of the system, too.
	write(ctx context.Context, key string, data []byte, durable bool) error
	// add writes an object from a spool file. The file may be moved there.
	add(ctx context.Context, key string, file *os.File) error
	// remove removes an object. It is no error if there is none.
	remove(ctx context.Context, key string) error
	close() error
}

// object is an entry of a listing.
type object struct {
	key     string
	size    int64
	modTime time.Time
}

// body is an open object.
type body struct {
	io.ReadCloser
	size    int64
	modTime time.Time
}

var errTooLarge = errors.New("the object is too large")

// readAll reads an object of at most so many bytes.
func readAll(ctx context.Context, o objects, key string, most int64) ([]byte, error) {
	b, err := o.open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if b.size > most {
		return nil, fmt.Errorf("%s: %w: %d bytes", key, errTooLarge, b.size)
	}
	data, err := io.ReadAll(io.LimitReader(b, most+1))
	if err == nil && int64(len(data)) > most {
		err = errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return data, nil
}

func sortByKey(list []object) {
	slices.SortFunc(list, func(a, b object) int { return cmp.Compare(a.key, b.key) })
}

// remote is a bucket that is no folder.
type remote struct{ bucket *blob.Bucket }

func (r remote) list(ctx context.Context, prefix string) ([]object, error) {
	var list []object
	all := r.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := all.Next(ctx)
		if errors.Is(err, io.EOF) {
			sortByKey(list)
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", prefix, err)
		}
		if !o.IsDir {
			list = append(list, object{o.Key, o.Size, o.ModTime})
		}
	}
}

func (r remote) open(ctx context.Context, key string) (*body, error) {
	b, err := r.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, remoteError(key, err)
	}
	return &body{b, b.Size(), b.ModTime()}, nil
}

var plainBytes = &blob.WriterOptions{ContentType: "application/octet-stream"}

func (r remote) write(ctx context.Context, key string, data []byte, _ bool) error {
	return remoteError(key, r.bucket.WriteAll(ctx, key, data, plainBytes))
}

func (r remote) add(ctx context.Context, key string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return remoteError(key, r.bucket.Upload(ctx, key, io.NewSectionReader(file, 0, info.Size()), plainBytes))
}

func (r remote) remove(ctx context.Context, key string) error {
	err := r.bucket.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return remoteError(key, err)
}

func (r remote) close() error { return r.bucket.Close() }

func remoteError(key string, err error) error {
	switch {
	case err == nil:
		return nil
	case gcerrors.Code(err) == gcerrors.NotFound:
		return fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	return fmt.Errorf("%s: %w", key, err)
}
