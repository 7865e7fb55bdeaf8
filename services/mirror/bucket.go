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

	there map[string]int64 // keys of targets, with their lengths, if all are of interest
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

// begin reads which targets are there, if all are of interest: one request for
// a thousand of them.
func (b *bucket) begin(ctx context.Context, consistent, all bool) error {
	switch {
	case !consistent:
		return errNotConsistent
	case !all:
		return nil
	}
	b.there = map[string]int64{}
	return b.each(ctx, "targets/", func(o *blob.ListObject) error {
		b.there[o.Key] = o.Size
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

func (b *bucket) keys(_ *verify.Target, names []string) []string { return below("targets", names) }

// below returns keys below a folder.
func below(folder string, names []string) (keys []string) {
	for _, name := range names {
		keys = append(keys, folder+"/"+name)
	}
	return keys
}

func (b *bucket) has(ctx context.Context, t *verify.Target, names []string) (bool, error) {
	for _, key := range b.keys(t, names) {
		length, ok := b.there[key]
		if b.there == nil {
			a, err := b.Attributes(ctx, key)
			if ok = gcerrors.Code(err) != gcerrors.NotFound; ok && err != nil {
				return false, err
			} else if ok {
				length = a.Size
			}
		}
		if !ok || length != t.Length {
			return false, nil
		}
	}
	return true, nil
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
	for _, key := range b.keys(t, names) {
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := b.Upload(ctx, key, temp, asBytes); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

var asBytes = &blob.WriterOptions{ContentType: "application/octet-stream"}

// publish uploads metadata from the leaves up, the timestamp last. What is the
// same is not uploaded again.
func (b *bucket) publish(ctx context.Context, w *work, metadata []string, g *gone) error {
	there := map[string]bool{}
	err := b.each(ctx, "metadata/", func(o *blob.ListObject) error {
		there[strings.TrimPrefix(o.Key, "metadata/")] = true
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range metadata {
		if err := b.upload(ctx, w, name, there[name]); err != nil {
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

// upload uploads a metadata file, if it is another one than what is there.
func (b *bucket) upload(ctx context.Context, w *work, name string, there bool) error {
	data, err := os.ReadFile(w.metadata(name))
	if err != nil {
		return err
	}
	if there {
		old, err := b.ReadAll(ctx, "metadata/"+name)
		if err == nil && bytes.Equal(old, data) {
			return nil
		}
	}
	return b.WriteAll(ctx, "metadata/"+name, data, asBytes)
}

func (b *bucket) tidy() error { return nil }

func (b *bucket) stored(_ context.Context, do func(key string) error) error {
	for key := range b.there {
		if err := do(key); err != nil {
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
