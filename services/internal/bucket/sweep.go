package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// How old a record must be before Sweep removes it, by the bucket's times.
const (
	// SweepReplaced is for one that a newer one has replaced. The newer one
	// must be as old: so all replicas have seen it.
	SweepReplaced = 15 * time.Minute
	// SweepUnverified is for one that does not verify.
	SweepUnverified = 30 * 24 * time.Hour
	// SweepCache is for files of targets roles, which are fetched again.
	SweepCache = 30 * 24 * time.Hour
)

// Swept is what Sweep found and did.
type Swept struct {
	// Removed is how many records were removed.
	Removed int
	// Unverified are those that do not verify, also those that were removed.
	Unverified []Unverified
	// NewerRoot is the version of a root in the bucket that is signed by its
	// own keys and that the session has not come to, or 0. If there is one,
	// nothing is removed but files of targets roles: the session may be behind.
	// If it stays, somebody has put a wrong root into the bucket, and all
	// updates end with a *verify.StoredRootError.
	NewerRoot int64
}

// Unverified is a record that does not verify.
type Unverified struct {
	// Key is that of its object.
	Key     string
	ModTime time.Time
	Err     error
	Removed bool
}

var (
	errNoRecord    = errors.New("it is no record")
	errRootVersion = errors.New("the root has another version")
)

// Session returns a session that has come, without a network, to the newest
// root that is in the bucket: for Sweep. The trusted root is the caller's, as
// for verify.New.
func (r *Records) Session(ctx context.Context, trustedRoot []byte, now time.Time) (*verify.Session, error) {
	s, err := verify.New(trustedRoot, verify.LoadStored(ctx, r), now, r.options)
	if err != nil {
		return nil, err
	}
	// Only the chain of roots is wanted: that the update may fail after it,
	// such as for a file that has expired, does not matter.
	if err := s.Run(ctx, nil, verify.StoreSource(r)); err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return s, nil
}

// Sweep removes records that have been replaced, as far as a session can judge
// that: one that verifies and lies below another one that verifies. What does
// not verify is reported, and removed when it is old. The session's root must
// be the newest in the bucket, see Session; otherwise only files of targets
// roles are removed. Any number of replicas may sweep at the same time. The
// time is that of a clock which should not differ from the bucket's by minutes.
//
// If something cannot be read or removed, Sweep does the rest, and returns what
// went wrong.
func (r *Records) Sweep(ctx context.Context, s *verify.Session, now time.Time) (Swept, error) {
	w := &sweep{Records: r, session: s, now: now}
	// Roots come last: a file that is signed by the keys of a newer root was
	// saved after that root, so if it is in this listing, the root is in a
	// later one.
	all, err := r.objects.list(ctx, r.prefix)
	if err != nil {
		return Swept{}, r.failed("swept", err)
	}
	roots, err := r.LoadAll(ctx, nameRoot)
	if err != nil {
		return Swept{}, err
	}
	own, newest := s.Version(metadata.RoleRoot), int64(0)
	for _, raw := range roots {
		newest = max(newest, r.rootVersion(raw))
	}
	if newest > own {
		w.swept.NewerRoot = newest
	}
	w.upToDate = newest == own
	byName := map[string][]record{}
	for _, o := range all {
		rec, ok := r.record(o)
		if !ok {
			w.unverified(ctx, o, errNoRecord)
			continue
		}
		byName[rec.name] = append(byName[rec.name], rec)
	}
	for name, list := range byName {
		w.name(ctx, name, list)
	}
	if err := errors.Join(w.errs...); err != nil {
		return w.swept, r.failed("swept", err)
	}
	return w.swept, nil
}

// sweep is one call of Sweep.
type sweep struct {
	*Records
	session *verify.Session
	now     time.Time
	swept   Swept
	// upToDate says that the session's root is the newest in the bucket:
	// neither does the session judge by old keys, nor by keys that no replica
	// finds.
	upToDate bool
	errs     []error
}

func (w *sweep) isOld(o object, age time.Duration) bool { return w.now.Sub(o.modTime) >= age }

func (w *sweep) name(ctx context.Context, name string, list []record) {
	switch {
	case decides(name):
		w.replaced(ctx, list, w.version)
	case strings.HasSuffix(name, "."+nameRoot):
		for _, rec := range list {
			w.versioned(ctx, name, rec)
		}
	default:
		w.cache(ctx, list)
	}
}

// version returns the version of a record that verifies.
func (w *sweep) version(raw []byte, name string) (int64, error) {
	role := roleOf(name)
	if role == metadata.RoleRoot {
		s, err := w.sessionOf(raw)
		if err != nil {
			return 0, err
		}
		return s.Version(role), nil
	}
	keys, err := w.session.Role(role)
	if err != nil {
		return 0, err
	}
	return w.verified(raw, keys)
}

// replaced removes records that verify and lie below another one that verifies.
func (w *sweep) replaced(ctx context.Context, list []record, version func(raw []byte, name string) (int64, error)) {
	versions := map[string]int64{}
	highest := int64(0)
	for _, rec := range list {
		raw, err := w.read(ctx, rec)
		if err == nil {
			versions[rec.key], err = version(raw, rec.name)
		} else if !errors.Is(err, errDamaged) {
			w.failedTo(err)
			continue
		}
		if err != nil {
			delete(versions, rec.key)
			w.unverified(ctx, rec.object, err)
			continue
		}
		if w.isOld(rec.object, SweepReplaced) {
			highest = max(highest, versions[rec.key])
		}
	}
	for _, rec := range list {
		if v, ok := versions[rec.key]; ok && v < highest && w.isOld(rec.object, SweepReplaced) && w.upToDate {
			w.remove(ctx, rec.key)
		}
	}
}

// versioned looks at a root under its version.
func (w *sweep) versioned(ctx context.Context, name string, rec record) {
	raw, err := w.read(ctx, rec)
	if err != nil && !errors.Is(err, errDamaged) {
		w.failedTo(err)
		return
	}
	if err == nil {
		var version int64
		version, err = w.version(raw, nameRoot)
		if want := strings.TrimSuffix(name, "."+nameRoot); err == nil && want != strconv.FormatInt(version, 10) {
			err = fmt.Errorf("%w: expected %s, found %d", errRootVersion, want, version)
		}
	}
	if err != nil {
		w.unverified(ctx, rec.object, err)
	}
}

// cache removes files of targets roles that are old or replaced.
func (w *sweep) cache(ctx context.Context, list []record) {
	newest := list[0]
	for _, rec := range list {
		if newerRecord(rec, newest) < 0 {
			newest = rec
		}
	}
	for _, rec := range list {
		if w.isOld(rec.object, SweepCache) || rec.key != newest.key && w.isOld(rec.object, SweepReplaced) {
			w.remove(ctx, rec.key)
		}
	}
}

func (w *sweep) unverified(ctx context.Context, o object, err error) {
	u := Unverified{Key: o.key, ModTime: o.modTime, Err: err}
	if w.isOld(o, SweepUnverified) && w.upToDate {
		u.Removed = w.remove(ctx, o.key)
	}
	w.swept.Unverified = append(w.swept.Unverified, u)
}

func (w *sweep) remove(ctx context.Context, key string) bool {
	if err := w.objects.remove(ctx, key); err != nil {
		w.failedTo(err)
		return false
	}
	w.mu.Lock()
	delete(w.known, key)
	w.mu.Unlock()
	w.swept.Removed++
	return true
}

// failedTo notes an error. That another replica has removed a record is none.
func (w *sweep) failedTo(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		w.errs = append(w.errs, err)
	}
}
