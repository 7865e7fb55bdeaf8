package verify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// served is what a mirror has of a repository, as far as its clients ask for
// it. Whatever built the repository is left to the garbage collector: its heap
// is many times a client's, and would slow down or speed up what is measured.
type served struct {
	anchor []byte
	now    time.Time
	hashes bool // in timestamp and snapshot
	paths  []string
	files  verifytest.Files
	taken  [][]byte // what a cold client takes, the anchor first
	saved  verifytest.Store
}

// wide are limits for repositories that are larger than any client should be
// asked to take.
var wide = verify.Options{Limits: verify.Limits{MaxSnapshotBytes: 1 << 28, MaxTargetsBytes: 1 << 28}}

// serve builds a repository and has a first client look for the paths.
func serve(t testing.TB, o verifytest.Options, build func(*verifytest.Repo), paths ...string) *served {
	repo := verifytest.New(o)
	build(repo)
	repo.Publish()
	m := &served{anchor: repo.TrustedRoot(), now: repo.Now(), hashes: o.MetaHashes, paths: paths, files: verifytest.Files{}, saved: verifytest.Store{}}
	m.taken = append(m.taken, m.anchor)
	source := repo.Metadata().Source()
	s := m.session(t, nil)
	m.find(t, s, m.saved, func(q verify.Request) ([]byte, error) {
		data, err := source(q)
		if err == nil {
			m.files[q.Path] = data
			m.taken = append(m.taken, data)
		}
		return data, err
	})
	return m
}

// size is the number of bytes that a cold client takes.
func (m *served) size() (n int64) {
	for _, data := range m.taken {
		n += int64(len(data))
	}
	return n
}

// session begins one from saved files, or from nothing.
func (m *served) session(t testing.TB, saved verifytest.Store) *verify.Session {
	s, err := verify.New(m.anchor, verify.LoadStored(saved.Load), m.now, wide)
	require.NoError(t, err)
	return s
}

// find runs a session until it has found all paths.
func (m *served) find(t testing.TB, s *verify.Session, store verify.Store, source verify.Source) {
	lookups := make([]*verify.Lookup, len(m.paths))
	for i, path := range m.paths {
		lookups[i] = s.Lookup(path)
	}
	require.NoError(t, s.Run(store, source))
	for _, l := range lookups {
		_, err := l.Target()
		require.NoError(t, err)
	}
}

// cold finds all paths without any saved file.
func (m *served) cold(t testing.TB) { m.find(t, m.session(t, nil), nil, m.source) }

func (m *served) source(q verify.Request) ([]byte, error) {
	if data, ok := m.files[q.Path]; ok {
		return data, nil
	}
	return nil, verify.ErrNotAtSource
}

// inClassicBins and inSuccinctBins share the paths out among so many bins, a
// power of two.
func inClassicBins(bins int, paths []string) func(*verifytest.Repo) {
	return func(repo *verifytest.Repo) {
		repo.Targets().DelegateBins("bin", bins)
		addToBins(repo, paths)
	}
}

func inSuccinctBins(bits int, paths []string) func(*verifytest.Repo) {
	return func(repo *verifytest.Repo) {
		repo.Targets().DelegateSuccinct("bin", bits)
		addToBins(repo, paths)
	}
}

func addToBins(repo *verifytest.Repo, paths []string) {
	for _, path := range paths {
		repo.Targets().AddToBin(path, []byte("hello"))
	}
}
