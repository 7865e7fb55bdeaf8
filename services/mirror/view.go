package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/client"
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
