package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// realDir holds repositories as they were published. They are not part of the
// project; CONTRIBUTING.md says where they come from.
var realDir = filepath.Join(os.Getenv("TUFWALK_DATA"), "real")

// realRepo is one of them, at a time.
type realRepo struct {
	*testing.T
	dir string
	now time.Time
}

func openRealRepo(t *testing.T, name, now string) realRepo {
	dir := filepath.Join(realDir, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("TUFWALK_DATA names no folder with real repositories")
	}
	at, err := time.Parse(time.RFC3339, now)
	require.NoError(t, err)
	return realRepo{t, dir, at}
}

func (r realRepo) read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	require.NoError(r, err)
	return data
}

// mirror returns a source that reads a folder.
func (r realRepo) mirror(folder string) verify.Source {
	return func(_ context.Context, req verify.Request) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(r.dir, folder, filepath.FromSlash(req.Path)))
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("%w: %w", verify.ErrNotAtSource, err)
		}
		return data, err
	}
}

func (r realRepo) session(root string) *verify.Session {
	s, err := verify.New(r.read(root), verify.Stored{}, r.now, verify.Options{})
	require.NoError(r, err)
	return s
}

// download verifies a target with the folder's copy of it.
func (r realRepo) download(target *verify.Target) {
	paths, err := target.URLPaths()
	require.NoError(r, err)
	for _, p := range paths {
		f, err := os.Open(filepath.Join(r.dir, "targets", filepath.FromSlash(p)))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(r, err)
		defer f.Close()
		require.NoError(r, target.Copy(io.Discard, f))
		return
	}
	r.Fatalf("none of %s is here", paths)
}

// Sigstore's repository of March 2023, from each of its roots to each of its
// target files. It has keys as hex points, times with fractions and offsets,
// and consistent_snapshot false until the fifth root (R-4.3.3, R-4.2.2.4,
//
func TestSigstore(t *testing.T) {
	for v := 1; v <= 5; v++ {
		r := openRealRepo(t, "sigstore-2023-03", "2023-03-01T00:20:19Z")
		s := r.session(fmt.Sprintf("metadata/%d.root.json", v))
		require.NoError(t, s.Run(context.Background(), nil, r.mirror("metadata")))
		for role, version := range map[string]int64{"root": 5, "timestamp": 72, "snapshot": 72, "targets": 5} {
			require.Equal(t, version, s.Version(role))
		}
		n := 0
		for path := range s.Targets().Files() {
			l := s.Lookup(path)
			require.NoError(t, s.Run(context.Background(), nil, r.mirror("metadata")))
			target, err := l.Target()
			require.NoError(t, err)
			r.download(target)
			n++
		}
		require.Equal(t, 7, n)
	}
}

// All of Sigstore's roots: from each of them the chain reaches the last. They
// have a key ID that is no hash (v11), empty signatures (v12 to v14), ten
// signatures for five keys (v9, v10), and spec_version in two parts (R-4.3.K1,
//
func TestSigstoreRoots(t *testing.T) {
	for v := 1; v <= 15; v++ {
		r := openRealRepo(t, "sigstore-roots", "2026-11-20T13:58:17Z")
		s := r.session(fmt.Sprintf("%d.root.json", v))
		err := s.Run(context.Background(), nil, r.mirror("."))
		require.ErrorContains(t, err, "timestamp.json could not be fetched", "there are only roots")
		require.EqualValues(t, 15, s.Version("root"))
		require.Equal(t, "2026-11-20T13:58:18Z", s.Root().Expires.Format(time.RFC3339))

		r.now = s.Root().Expires
		s = r.session(fmt.Sprintf("%d.root.json", v))
		require.ErrorContains(t, s.Run(context.Background(), nil, r.mirror(".")), "root version 15: expired")
	}
}

// A repository made with tuf-on-ci: it has a delegated role with an empty
// signature, and members of its own.
func TestTUFOnCI(t *testing.T) {
	r := openRealRepo(t, "tuf-on-ci", "2025-02-09T09:17:23Z")
	path := string(bytes.TrimSpace(r.read("targetpath")))
	s := r.session("initial_root.json")
	l := s.Lookup(path)
	require.NoError(t, s.Run(context.Background(), nil, r.mirror("metadata")))
	target, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, "delegatedrole", target.Role)
	r.download(target)
}

// update updates from the first root, and returns the session.
func (r realRepo) update(folder string) *verify.Session {
	s := r.session(filepath.Join(folder, "1.root.json"))
	require.NoError(r, s.Run(context.Background(), nil, r.mirror(folder)))
	require.NotNil(r, s.Targets())
	return s
}

// Repositories with RSA keys whose PSS signatures have salts of other lengths
// than the hash (R-4.2.2.1).
func TestLengthsOfSalt(t *testing.T) {
	r := openRealRepo(t, "rsa-pss-salt", "2039-12-31T23:59:59Z")
	for _, folder := range []string{"salt-20", "salt-32", "salt-222"} {
		r.update(folder)
	}
}

// A repository whose keys are all ML-DSA-44 (R-T21.1, R-T21.2), and a changed
// byte in each of its files.
func TestMLDSARepository(t *testing.T) {
	r := openRealRepo(t, "ml-dsa-2026", "2026-08-22T00:00:00Z")
	r.update("metadata")
	for _, name := range []string{"1.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"} {
		data := bytes.Replace(r.read("metadata/"+name), []byte(`"version": 1`), []byte(`"version": 2`), 1)
		require.NotEqual(t, r.read("metadata/"+name), data)
		root := r.read("metadata/1.root.json")
		if name == "1.root.json" {
			root = data
		}
		s, err := verify.New(root, verify.Stored{}, r.now, verify.Options{})
		if err == nil {
			err = s.Run(context.Background(), nil, func(ctx context.Context, req verify.Request) ([]byte, error) {
				if req.Path == name {
					return data, nil
				}
				return r.mirror("metadata")(ctx, req)
			})
		}
		require.ErrorIs(t, err, roles.ErrThreshold, name)
	}
}

// A changed byte anywhere in a real file is noticed, unless it is not signed.
func TestSigstoreTampered(t *testing.T) {
	r := openRealRepo(t, "sigstore-2023-03", "2023-03-01T00:20:19Z")
	for _, name := range []string{"2.root.json", "timestamp.json", "72.snapshot.json", "5.targets.json"} {
		good := r.read("metadata/" + name)
		for i := 0; i < len(good); i += len(good)/40 + 1 {
			data := bytes.Clone(good)
			data[i] ^= 1
			s := r.session("metadata/1.root.json")
			err := s.Run(context.Background(), nil, func(_ context.Context, req verify.Request) ([]byte, error) {
				if req.Path == name {
					return data, nil
				}
				return r.mirror("metadata")(context.Background(), req)
			})
			if err == nil {
				require.Equal(t, payloadOf(t, good), payloadOf(t, data), "only what is not signed may change")
			}
		}
	}
}
