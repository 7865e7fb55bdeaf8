package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// atOnce is how many requests for metadata are under way together.
const atOnce = 32

// maxMetadata bounds a metadata file: a repository of any size can be copied.
const maxMetadata = 256 << 20

// view is one state of a repository, and where its metadata come from.
type view struct {
	session   *verify.Session
	firstRoot int64 // version of the root that the operator trusts
	drive     client.DriveConfig
	listing   *verify.Listing
}

// newView brings a session up to date.
func newView(
	ctx context.Context, trustedRoot []byte, store verify.Store, sources []client.Source, now time.Time,
) (*view, error) {
	v := &view{drive: client.DriveConfig{
		Store:   func(string) verify.Store { return store },
		Sources: func(string) []client.Source { return sources }, Parallel: atOnce, PerSource: atOnce,
	}}
	var stored verify.Stored
	if store != nil {
		stored = verify.LoadStored(ctx, store)
	}
	var err error
	v.session, err = verify.New(trustedRoot, stored, now, verify.Options{
		Lookahead: atOnce, Limits: verify.Limits{MaxSnapshotBytes: maxMetadata, MaxTargetsBytes: maxMetadata},
	})
	if err != nil {
		return nil, err
	}
	v.firstRoot = v.session.Version(metadata.RoleRoot)
	return v, client.Drive(ctx, v.session, v.drive)
}

// list calls a function with each target that a lookup would find.
func (v *view) list(ctx context.Context, each func(*verify.Target) error) error {
	v.listing = v.session.List(verify.ListOptions{AtOnce: atOnce})
	for !v.listing.Done() {
		if err := client.Drive(ctx, v.session, v.drive); err != nil {
			return err
		}
		for t, err := range v.listing.Targets() {
			if err == nil {
				err = each(t)
			}
			if err != nil {
				return err
			}
		}
	}
	return v.listing.Err()
}

// metadataFiles returns the names of the metadata that the view rests on, in
// the order in which a bucket needs them: from the leaves up, roots just before
// the timestamp. The first root is the one that the operator trusts.
func (v *view) metadataFiles() (names []string, err error) {
	for _, r := range v.listing.Roles() {
		if r.Err != nil {
			return nil, fmt.Errorf("%s: %w", metadata.Printable(r.Role), r.Err)
		}
		name, err := fileName(r.Path)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Reverse(names)
	snapshot := int64(0)
	if v.consistent() {
		snapshot = v.session.Version(metadata.RoleSnapshot)
	}
	names = append(names, metadata.FileName(metadata.RoleSnapshot, snapshot))
	for n := v.firstRoot; n <= v.session.Version(metadata.RoleRoot); n++ {
		names = append(names, metadata.FileName(metadata.RoleRoot, n))
	}
	return append(names, metadata.FileName(metadata.RoleTimestamp, 0)), nil
}

func (v *view) consistent() bool { return v.session.Root().ConsistentSnapshot }

// versions tells views apart.
func (v *view) versions() (list [4]int64) {
	for i, role := range []string{
		metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets,
	} {
		list[i] = v.session.Version(role)
	}
	return list
}

// targetNames returns the names under which clients ask for a target, the
// likeliest first.
func targetNames(t *verify.Target) (names []string, err error) {
	paths, err := t.URLPaths()
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		name, err := fileName(path)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// fileName is the name of the file that a web server sends for a URL path. It
// refuses names that leave the copy, or that some system reads in another way.
func fileName(path string) (string, error) {
	name, err := url.PathUnescape(path)
	if err != nil {
		return "", fmt.Errorf("%q: %w", path, err)
	}
	return name, client.CheckName(name)
}

// filter says which targets are copied. The metadata always are, whole.
type filter struct {
	Include []string `placeholder:"PATTERN" sep:"none" help:"Copy only targets that match, such as 'simple/*/*'."`
	Exclude []string `placeholder:"PATTERN" sep:"none" help:"Do not copy targets that match."`
	MaxSize int64    `placeholder:"BYTES" help:"Do not copy targets that are larger."`
}

func (f *filter) takes(t *verify.Target) bool {
	matches := func(pattern string) bool { return delegation.Match(pattern, t.Path) }
	return (len(f.Include) == 0 || slices.ContainsFunc(f.Include, matches)) &&
		!slices.ContainsFunc(f.Exclude, matches) && (f.MaxSize == 0 || t.Length <= f.MaxSize)
}

// isMissing says whether all mirrors say that a target does not exist.
func isMissing(err error) bool {
	return errors.As(err, new(*client.DownloadError)) && errors.Is(err, verify.ErrNotAtSource)
}
