package bucket

import (
	"context"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// countingFirst moves those files forward that could count: that are signed by
// the right keys of the newest root in the bucket. A root could count if its
// own keys signed it. It is an order and no trust: otherwise files of enormous
// versions, signed with keys that have been replaced, could push the good ones
// out of what a session looks at.
func (r *Records) countingFirst(ctx context.Context, name string, files [][]byte) ([][]byte, error) {
	counts := func(raw []byte) bool { return r.rootVersion(raw) > 0 }
	if name != nameRoot {
		newest, err := r.Load(ctx, nameRoot)
		if err != nil {
			return files, nil // a session without a root finds that out itself
		}
		role, ok := r.roleBy(newest, name)
		if !ok {
			return files, nil
		}
		counts = func(raw []byte) bool {
			_, err := r.verified(raw, role)
			return err == nil
		}
	}
	var first, last [][]byte
	for _, raw := range files {
		if counts(raw) {
			first = append(first, raw)
		} else {
			last = append(last, raw)
		}
	}
	return slices.Concat(first, last), nil
}

// anyTime is a time for sessions in which no time matters.
var anyTime = time.Unix(1, 0)

// sessionOf begins a session with a root, which is valid if its own keys signed
// it.
func (r *Records) sessionOf(root []byte) (*verify.Session, error) {
	return verify.New(root, verify.Stored{}, anyTime, r.options)
}

// rootVersion returns the version of a valid root; 0: it is none.
func (r *Records) rootVersion(raw []byte) int64 {
	s, err := r.sessionOf(raw)
	if err != nil {
		return 0
	}
	return s.Version(metadata.RoleRoot)
}

func (r *Records) roleBy(root []byte, name string) (roles.Role, bool) {
	s, err := r.sessionOf(root)
	if err != nil {
		return roles.Role{}, false
	}
	role, err := s.Role(roleOf(name))
	return role, err == nil
}

func roleOf(name string) string {
	switch name {
	case nameTimestamp:
		return metadata.RoleTimestamp
	case nameSnapshot:
		return metadata.RoleSnapshot
	}
	return metadata.RoleRoot
}

// verified returns the version of a timestamp or a snapshot that is valid for a
// role: under any key IDs, as a stored file is.
func (r *Records) verified(raw []byte, role roles.Role) (int64, error) {
	if role.Name() == metadata.RoleTimestamp {
		return verifiedAs[metadata.Timestamp](raw, role, r.options)
	}
	return verifiedAs[metadata.Snapshot](raw, role, r.options)
}

func verifiedAs[T metadata.Content](raw []byte, role roles.Role, o verify.Options) (int64, error) {
	env, err := metadata.Parse[T](raw, metadata.Options{
		EnvelopeFormat: o.EnvelopeFormat, MaxDepth: o.Limits.MaxDepth, MaxSignatures: o.Limits.MaxSignatures,
	})
	if err != nil {
		return 0, err
	}
	file, err := roles.Verify(env, role)
	if err != nil {
		file, err = roles.VerifyAnyKeyID(env, role)
	}
	if err != nil {
		return 0, err
	}
	return file.Header().Version, nil
}
