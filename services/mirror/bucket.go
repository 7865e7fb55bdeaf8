package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/memblob"  // mem://
	_ "gocloud.dev/blob/s3blob"   // s3://
	"gocloud.dev/gcerrors"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// bucket is a copy in a bucket, with the keys metadata/... and targets/....
// There is no link to switch. So it takes repositories with consistent
// snapshots only, whose names have versions and digests: all else is there
// before the timestamp that leads to it.
type bucket struct {
	*blob.Bucket

	mu    sync.Mutex
	there map[string]int64 // targets, with their lengths
	kept  *names
}

var errNotConsistent = errors.New("a bucket can have only a repository with consistent snapshots: " +
	"otherwise clients would see files of two states; use a folder")

func openBucket(ctx context.Context, address string) (*bucket, error) {
	b, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, err
	}
	return &bucket{Bucket: b}, nil
}

func (b *bucket) close() error { return b.Close() }

// begin reads which targets are there: one request for a thousand of them.
func (b *bucket) begin(ctx context.Context, consistent bool) error {
	if !consistent {
		return errNotConsistent
	}
	b.kept, b.there = newNames(), map[string]int64{}
	return b.each(ctx, "targets/", func(o *blob.ListObject) error {
		b.there[strings.TrimPrefix(o.Key, "targets/")] = o.Size
		return nil
	})
}

func (b *bucket) each(ctx context.Context, prefix string, do func(*blob.ListObject) error) error {
	all := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := all.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && !o.IsDir {
			err = do(o)
		}
		if err != nil {
			return err
		}
	}
}

func (b *bucket) has(_ context.Context, t *verify.Target, names []string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if length, ok := b.there[name]; !ok || length != t.Length {
			return false, nil
		}
	}
	b.keep(names)
	return true, nil
}

func (b *bucket) keep(names []string) {
	for _, name := range names {
		b.kept.add(name)
	}
}

// add downloads a target into a temporary file, and uploads it when it is
// verified.
func (b *bucket) add(
	ctx context.Context, m *client.Mirrors, t *verify.Target, names []string, o client.DownloadOptions,
) error {
	target, err := client.TargetOf(t)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp("", "tufwalk-mirror-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := m.Download(ctx, target, temp, o); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := b.Upload(ctx, "targets/"+name, temp, asBytes); err != nil {
			return fmt.Errorf("targets/%s: %w", name, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep(names)
	return nil
}

var asBytes = &blob.WriterOptions{ContentType: "application/octet-stream"}

// publish uploads metadata from the leaves up, the timestamp last. What is the
// same is not uploaded again.
func (b *bucket) publish(ctx context.Context, w *work, metadata []string, g *gone) error {
	there := map[string]string{}
	err := b.each(ctx, "metadata/", func(o *blob.ListObject) error {
		there[strings.TrimPrefix(o.Key, "metadata/")] = string(o.MD5)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range metadata {
		if err := b.upload(ctx, w, name, there); err != nil {
			return fmt.Errorf("metadata/%s: %w", name, err)
		}
		delete(there, name)
	}
	for name := range there {
		if !g.stays("metadata/" + name) {
			if err := b.remove(ctx, "metadata/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// upload uploads a metadata file. Files with a version in their name do not
// change, if the repository keeps to its rules; so they are compared.
func (b *bucket) upload(ctx context.Context, w *work, name string, there map[string]string) error {
	data, err := os.ReadFile(w.metadata(name))
	if err != nil {
		return err
	}
	if _, ok := there[name]; ok {
		old, err := b.ReadAll(ctx, "metadata/"+name)
		if err == nil && bytes.Equal(old, data) {
			return nil
		}
	}
	return b.WriteAll(ctx, "metadata/"+name, data, asBytes)
}

func (b *bucket) sweep(ctx context.Context, g *gone) error {
	for name := range b.there {
		if b.kept.has(name) || g.stays("targets/"+name) {
			continue
		}
		if err := b.remove(ctx, "targets/"+name); err != nil {
			return err
		}
	}
	return nil
}

func (b *bucket) remove(ctx context.Context, key string) error {
	err := b.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}

func (b *bucket) open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := b.NewReader(ctx, path.Clean(name), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}
