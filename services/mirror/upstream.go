package main

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
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
	roles     []verify.ListedRole // that list or difference has come to
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
	l := v.session.List(verify.ListOptions{AtOnce: atOnce})
	for !l.Done() {
		if err := client.Drive(ctx, v.session, v.drive); err != nil {
			return err
		}
		for t, err := range l.Targets() {
			if err == nil {
				err = each(t)
			}
			if err != nil && !errors.Is(err, verify.ErrUnlisted) {
				return err
			}
		}
	}
	v.roles = l.Roles()
	return v.complete(l.Err())
}

// complete returns nil if nothing but roles was left out that the upstream has
// not published: no client comes to them either.
func (v *view) complete(err error) error {
	incomplete := new(verify.IncompleteError)
	if !errors.As(err, &incomplete) {
		return err
	}
	unlisted := 0
	for _, r := range v.roles {
		if errors.Is(r.Err, verify.ErrUnlisted) {
			unlisted++
		}
	}
	if incomplete.Roles != unlisted { // of an older view, or for another reason
		return err
	}
	return nil
}

// doubts warns if a source can have sent the files of other roles, which list
// less.
//
// R-5.6.8b: TUF does not sign the names of roles.
func (v *view) doubts(out *terminal) {
	var unbound []string
	for _, r := range v.roles {
		if r.Err == nil && !r.Bound {
			unbound = append(unbound, r.Role)
		}
	}
	if len(unbound) > 0 {
		out.warn("the files of %d roles, such as %s, may be those of other roles with the same keys, and hide targets: "+
			"the snapshot has no hashes of them", len(unbound), metadata.Printable(unbound[0]))
	}
}

// errNoDifference says that two views could not be compared. The older one may
// be at fault: roles have expired, or somebody has damaged the copy.
var errNoDifference = errors.New("not compared with what is published")

// difference calls a function with each target that has another answer than in
// an older view.
func (v *view) difference(
	ctx context.Context, old *view, delegates func(role string) bool, each func(verify.Change) error,
) error {
	d := v.session.Difference(old.session, verify.DifferenceOptions{AtOnce: atOnce, Delegates: delegates})
	for !d.Done() {
		err := client.Drive(ctx, old.session, old.drive)
		if err == nil {
			err = client.Drive(ctx, v.session, v.drive)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errNoDifference, err)
		}
		for c, err := range d.Changes() {
			switch {
			case errors.Is(err, verify.ErrUnlisted):
			case err != nil:
				return fmt.Errorf("%w: %w", errNoDifference, err)
			default:
				if err := each(c); err != nil {
					return err
				}
			}
		}
	}
	v.roles = d.Roles()
	if err := v.complete(d.Err()); err != nil {
		return fmt.Errorf("%w: %w", errNoDifference, err)
	}
	return nil
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
// likeliest first. A digest is a part of a name, and nobody but a role says
// what it is: so only those count that the file is compared with.
func targetNames(t *verify.Target) (names []string, err error) {
	paths, err := t.URLPaths()
	if err != nil {
		return nil, err
	}
	known, err := digests(t)
	if err != nil {
		return nil, err
	}
	for _, path := range paths[:min(len(known), len(paths))] { // in the same order
		name, err := fileName(path)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// digests returns the listed digests of the algorithms that are known here.
func digests(t *verify.Target) (list []string, err error) {
	lengths := map[string]int{"sha512": sha512.Size, "sha256": sha256.Size}
	for algorithm, digest := range t.Hashes.All() {
		if length, known := lengths[algorithm]; known {
			if b, err := hex.DecodeString(digest); err != nil || len(b) != length {
				return nil, fmt.Errorf("%q is no %s digest", digest, algorithm)
			}
			list = append(list, digest)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it has neither a sha256 nor a sha512 digest")
	}
	return list, nil
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
