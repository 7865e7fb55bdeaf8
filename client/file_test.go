package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// wire is the network of a test: it answers requests for the files of
// repositories, by host.
type wire map[string]*verifytest.Repo

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	res := &http.Response{
		StatusCode: http.StatusNotFound, Header: http.Header{}, Request: req, Body: http.NoBody, ProtoMajor: 1,
	}
	if repo := w[req.URL.Host]; repo != nil {
		files, name := repo.Metadata(), strings.TrimPrefix(req.URL.EscapedPath(), "/metadata/")
		if target, ok := strings.CutPrefix(req.URL.EscapedPath(), "/targets/"); ok {
			files, name = repo.TargetFiles(), target
		}
		if body, ok := files[name]; ok {
			res.StatusCode, res.ContentLength, res.Body = http.StatusOK, int64(len(body)), io.NopCloser(bytes.NewReader(body))
		}
	}
	return res, nil
}

// newWorldOverHTTP has a client that fetches through a wire.
func newWorldOverHTTP(t *testing.T) *world {
	net := wire{}
	w := newWorld(t, func(c *Config) {
		c.Sources, c.HTTP.Transport = nil, net
		c.Metadata, c.Targets = []string{"https://a.example/metadata"}, []string{"https://a.example/targets"}
	})
	net["a.example"] = w.repo
	return w
}

func TestOpenAndDownload(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorldOverHTTP(t)
		f := w.find("team/app")
		require.False(t, f.Expires().IsZero())
		require.Equal(t, "team", f.Target().Role)

		body, err := f.Open(t.Context())
		require.NoError(t, err)
		data, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Equal(t, "hello", string(data))
		name := body.(*temporary).Name()
		require.NoError(t, body.Close())
		require.NoFileExists(t, name)
		require.NotEmpty(t, of[Progress](w.events))
		last := of[Progress](w.events)[len(of[Progress](w.events))-1]
		require.Equal(t, Progress{"team/app", 5, 5}, last)

		dst, err := os.Create(filepath.Join(t.TempDir(), "app"))
		require.NoError(t, err)
		require.NoError(t, f.Download(t.Context(), dst))
		require.NoError(t, dst.Close())
		err = f.Download(t.Context(), dst)
		fault := new(verify.CopyError)
		require.ErrorAs(t, err, &fault)
		require.True(t, fault.Writing)
		require.Equal(t, verify.KindStore, verify.KindOf(err))
	})
}

func TestInstall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorldOverHTTP(t)
		f := w.find("team/app")
		name := filepath.Join(t.TempDir(), "app")
		require.NoError(t, f.Install(t.Context(), name))
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, "hello", string(data))

		w.repo.TargetFiles()[targetURL(t, f)] = []byte("HELLO")
		require.ErrorIs(t, f.Install(t.Context(), filepath.Join(t.TempDir(), "app")), verify.ErrHash)
		failed := of[MirrorFailed](w.events)
		require.NotEmpty(t, failed)
		require.ErrorIs(t, failed[0].Err, verify.ErrHash)

		err = f.Install(t.Context(), filepath.Join(t.TempDir(), "missing", "app"))
		require.Equal(t, verify.KindStore, verify.KindOf(err))
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func targetURL(t *testing.T, f *File) string {
	t.Helper()
	paths, err := f.Target().URLPaths()
	require.NoError(t, err)
	return paths[0]
}

func read(t *testing.T, f *File) (string, error) {
	t.Helper()
	body, err := f.Open(t.Context())
	if err != nil {
		return "", err
	}
	defer func() { require.NoError(t, body.Close()) }()
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	return string(data), nil
}

// A target that is gone, or another one now: the client updates once and asks
// again, and only then fails.
func TestTargetIsReplaced(t *testing.T) {
	for _, consistent := range []bool{true, false} {
		inBubble(t, func(t *testing.T) {
			w := newWorldOverHTTP(t)
			w.repo.SetConsistentSnapshot(consistent)
			w.publish(nil)
			f := w.find("top")
			clear(w.repo.TargetFiles())
			_, err := read(t, f)
			require.ErrorIs(t, err, verify.ErrNotAtSource)
			require.Equal(t, verify.KindUnreachable, verify.KindOf(err))

			w.publish(func() { w.repo.Targets().AddTarget("top", []byte("another one")) })
			content, err := read(t, f)
			require.NoError(t, err)
			require.Equal(t, "another one", content)

			w.publish(func() { w.repo.Targets().RemoveTarget("top") })
			clear(w.repo.TargetFiles())
			_, err = read(t, w.find("top"))
			require.ErrorIs(t, err, verify.ErrNoTarget)

			clear(w.repo.Metadata())
			_, err = read(t, f)
			require.Equal(t, verify.KindUnreachable, verify.KindOf(err))
		})
	}
}

func TestExpiredFileIsFoundAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorldOverHTTP(t)
		f := w.find("top")
		time.Sleep(48 * time.Hour)
		_, err := read(t, f)
		require.ErrorIs(t, err, verify.ErrExpired)
		w.publish(nil)
		content, err := read(t, f)
		require.NoError(t, err)
		require.Equal(t, "top", content)
	})
}

func TestDownloadNeedsMirrors(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, nil) // metadata only
		_, err := read(t, w.find("top"))
		require.ErrorContains(t, err, errNoMirror.Error())

		w.repo.Targets().AddTarget("../up", []byte("x"))
		w.publish(nil)
		require.NoError(t, w.client.Refresh(t.Context()))
		_, err = read(t, w.find("../up"))
		require.ErrorIs(t, err, verify.ErrPath)

		t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
		t.Setenv("TMP", filepath.Join(t.TempDir(), "missing"))
		_, err = read(t, w.find("top"))
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

// Two repositories agree; the file comes from the mirrors of either.
func TestDownloadAgreed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		_, private, public := twoRepos(t)
		private.Targets().AddTarget("both", []byte("both"))
		private.Publish()
		public.Targets().AddTarget("both", []byte("both"))
		public.Publish()
		skew := time.Until(private.Now())
		c, err := Open(Config{
			Map: parseMap(t, `{"repositories": {"private": ["https://a"], "public": ["https://b"]}, "mapping": [
				{"paths": ["*"], "repositories": ["private", "public"], "threshold": 2, "terminating": true}]}`),
			Repositories: map[string]Repository{
				"private": repositoryAt("a.example", private, wire{"a.example": private}),
				"public":  repositoryAt("b.example", public, wire{"b.example": public}),
			},
			Now: func() time.Time { return time.Now().Add(skew) },
		})
		require.NoError(t, err)
		defer c.Close()
		f, err := c.Find(t.Context(), "both")
		require.NoError(t, err)
		require.True(t, f.Same(f))
		clear(private.TargetFiles())
		content, err := read(t, f)
		require.NoError(t, err)
		require.Equal(t, "both", content)
		clear(public.TargetFiles())
		_, err = read(t, f)
		require.ErrorIs(t, err, verify.ErrNotAtSource)
		require.ErrorAs(t, err, new(*multirepo.RepositoryError))
	})
}

func repositoryAt(host string, repo *verifytest.Repo, net wire) Repository {
	return Repository{
		TrustedRoot: repo.TrustedRoot(), HTTP: MirrorsConfig{Transport: net},
		Metadata: []string{"https://" + host + "/metadata"}, Targets: []string{"https://" + host + "/targets"},
	}
}

// A store of the caller's can do behind the guard, and offline, what it can do
// alone.
func TestStoreOfTheCaller(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for name, store := range map[string]verify.Store{
			"locker": NewMemory(), "candidates": newCandidateStore(), "plain": verifytest.Store{},
			"both": lockedCandidates{newCandidateStore(), NewMemory()},
		} {
			w := newWorld(t, func(c *Config) { c.Store = store })
			_, locks := store.(verify.Locker)
			_, stillLocks := w.client.repositories[""].store.(verify.Locker)
			require.Equal(t, locks, stillLocks, name)
			w.find("team/app")
			w.publish(nil)
			require.NoError(t, w.client.Refresh(t.Context()), name)
			counted, hasCandidates := store.(interface{ loadedAll() int64 })
			before := int64(0)
			if hasCandidates {
				before = counted.loadedAll()
				require.NotZero(t, before, name)
			}
			again := w.open(func(c *Config) { c.Store, c.Sources, c.Offline = store, nil, true })
			_, err := again.Find(t.Context(), "top")
			require.NoError(t, err, name)
			require.Equal(t, w.timestamp(), again.View().Repositories[0].Timestamp, name)
			if hasCandidates {
				require.Greater(t, counted.loadedAll(), before, name)
			}
			require.NoError(t, w.client.Forget(t.Context()))
		}
	})
}

type candidateStore struct {
	files map[string][][]byte
	loads atomic.Int64
}

func newCandidateStore() *candidateStore { return &candidateStore{files: map[string][][]byte{}} }

func (s *candidateStore) loadedAll() int64 { return s.loads.Load() }

// lockedCandidates is a verify.Locker, too.
type lockedCandidates struct {
	*candidateStore
	lock *Memory
}

func (s lockedCandidates) Lock(ctx context.Context) (func(), error) { return s.lock.Lock(ctx) }

func (s *candidateStore) Load(_ context.Context, name string) ([]byte, error) {
	if list := s.files[name]; len(list) > 0 {
		return list[len(list)-1], nil
	}
	return nil, os.ErrNotExist
}

func (s *candidateStore) Save(_ context.Context, rec verify.Record) error {
	s.files[rec.StoreName] = append(s.files[rec.StoreName], rec.Data)
	return nil
}

func (s *candidateStore) LoadAll(_ context.Context, name string) ([][]byte, error) {
	s.loads.Add(1)
	return s.files[name], nil
}

// The errors read well, and say what they wrap.
func TestErrorsOfTheClient(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const expired = `"app": the answer expired at 2030-01-01T00:00:00Z, it is 2030-01-01T01:00:00Z now`
	const setAside = `/srv/tuf: the folder had the store of another repository: it is set aside in /srv/tuf/other`
	for text, err := range map[string]error{
		expired: &ExpiredError{"app", at, at.Add(time.Hour), nil},
		expired + ` (no newer one: connection refused)`: &ExpiredError{"app", at, at.Add(time.Hour), errDown},
		setAside: &SetAsideError{"", "/srv/tuf", "/srv/tuf/other"},
		`configuration: Repositories["a"].Folder: is missing`: &ConfigError{"a", "Folder", errMissing},
	} {
		require.EqualError(t, err, text)
	}
	require.ErrorIs(t, &SetAsideError{}, ErrSetAside)
	require.Equal(t, verify.KindStore, verify.KindOf(&SetAsideError{}))
	require.ErrorIs(t, &ExpiredError{}, verify.ErrExpired)
	require.ErrorIs(t, &ExpiredError{Err: errDown}, errDown)
	contradiction := &ContradictionError{"", "", errors.New("cause")}
	require.ErrorIs(t, contradiction, ErrContradiction)
	require.ErrorContains(t, contradiction, "the store: cause")
}
