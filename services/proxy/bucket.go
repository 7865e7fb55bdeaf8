package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/services/proxy/internal/gate"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// bucket is where the verified files and the metadata are. This one is a plain
// folder; package bucket takes its place.
type bucket struct {
	folder  string
	remove  bool
	folders map[string]*client.Folder
}

func openBucket(_ context.Context, address string, _ int64) (*bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	b := &bucket{folder: u.Path, folders: map[string]*client.Folder{}}
	switch u.Scheme {
	case "file":
	case "mem":
		b.remove = true
		if b.folder, err = os.MkdirTemp("", "tufwalk-proxy-*"); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("bucket: %s:// is unknown", u.Scheme)
	}
	return b, nil
}

// use has a gate use the bucket.
func (b *bucket) use(c *gate.Config) error {
	files, err := gate.OpenFolder(filepath.Join(b.folder, "files"))
	if err != nil {
		return err
	}
	c.Files = files
	for name, u := range c.Upstreams {
		if u.Client.Map == nil {
			if u.Client.Store, err = b.store(name); err != nil {
				return err
			}
			c.Upstreams[name] = u
			continue
		}
		for name, r := range u.Client.Repositories {
			if r.Store, err = b.store(name); err != nil {
				return err
			}
			u.Client.Repositories[name] = r
		}
	}
	return nil
}

// store is the one of a repository.
func (b *bucket) store(repository string) (verify.Store, error) {
	if f := b.folders[repository]; f != nil {
		return f, nil
	}
	f, err := client.OpenFolder(filepath.Join(b.folder, "metadata", multirepo.DirName(repository)))
	if err == nil {
		b.folders[repository] = f
	}
	return f, err
}

func (b *bucket) close() error {
	var errs []error
	for _, f := range b.folders {
		errs = append(errs, f.Close())
	}
	if b.remove {
		errs = append(errs, os.RemoveAll(b.folder))
	}
	return errors.Join(errs...)
}
